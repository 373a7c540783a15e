//! Who sent a request, and what they may do.
//! In: what the door found out. Out: a name, or a refusal with a sentence. Never: a right that nobody gave.

use std::{collections::BTreeSet, future::Future};

use axum::http::StatusCode;

use crate::{config::StudioRole, id::UserName};

use super::problem::Problem;

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// See runs, questions and flows.
    Look,
    /// Answer what waits for a person.
    Review,
    /// Start, resume, retry and cancel runs.
    Operate,
}

impl Right {
    /// What a request that is no GET needs, by the route that it takes. One that is not named here takes the right to operate.
    pub fn of_route(route: &str) -> Option<Self> {
        match route {
            "/login" | "/logout" => None,
            answer if answer.ends_with("/{question}/answer") => Some(Self::Review),
            _ => Some(Self::Operate),
        }
    }

    fn of_role(role: StudioRole) -> &'static [Self] {
        match role {
            StudioRole::Viewer => &[Self::Look],
            StudioRole::Operator => &[Self::Look, Self::Operate],
            StudioRole::Reviewer => &[Self::Look, Self::Review],
        }
    }

    /// The role that gives it and nothing else, and what it is for.
    fn role(self) -> (StudioRole, &'static str) {
        match self {
            Self::Look => (StudioRole::Viewer, "may not look in here"),
            Self::Review => (StudioRole::Reviewer, "may look, and not answer"),
            Self::Operate => (StudioRole::Operator, "may look, and not start, resume, retry or cancel runs"),
        }
    }
}

/// Whoever sent a request; the door lets nobody in without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// `None`: whoever started the studio, by their login name.
    pub name: Option<String>,
    /// `None`: everything.
    roles: Option<BTreeSet<StudioRole>>,
}

impl Person {
    /// Whoever has the studio's own link: it opens everything.
    pub fn owner() -> Self {
        Self { name: None, roles: None }
    }

    /// Before the door: what is shown there is shown to everybody.
    pub fn nobody() -> Self {
        Self { name: None, roles: Some(BTreeSet::new()) }
    }

    pub fn user(name: &UserName, roles: BTreeSet<StudioRole>) -> Self {
        Self { name: Some(name.to_string()), roles: Some(roles) }
    }

    pub fn has(&self, right: Right) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| Right::of_role(*role).contains(&right)))
    }

    /// # Errors
    /// They may not, with a sentence on who can change that.
    pub fn may(&self, right: Right) -> Result<(), Problem> {
        if self.has(right) {
            return Ok(());
        }
        let Some(name) = &self.name else {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "nobody has signed in"));
        };
        let (role, cannot) = right.role();
        let mut roles = self.roles.clone().unwrap_or_default();
        roles.insert(role);
        let roles: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
        let told = format!("`{name}` {cannot}: that takes the role `{role}`, which whoever runs the studio gives");
        Err(Problem::new(StatusCode::FORBIDDEN, told).hint(format!("studio.users.\"{name}\" = [{}]", roles.join(", "))))
    }

    /// What they may do, for pages and programs.
    pub fn rights(&self) -> Vec<&'static str> {
        let all = [(Right::Look, "look"), (Right::Review, "review"), (Right::Operate, "operate")];
        all.into_iter().filter(|(right, _)| self.has(*right)).map(|(_, word)| word).collect()
    }
}

/// Whom a page is made for, so that every page can say so, and shows no form that would be refused.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub name: String,
    pub person: Person,
    /// For the form that signs out.
    pub slip: String,
}

tokio::task_local! {
    static GUEST: Guest;
}

impl Guest {
    /// Whatever is made in there is made for them.
    pub async fn made_for<T>(self, work: impl Future<Output = T>) -> T {
        GUEST.scope(self, work).await
    }

    /// The same on a thread that may wait.
    pub fn takes_along<T>(guest: Option<Self>, work: impl FnOnce() -> T) -> T {
        match guest {
            Some(guest) => GUEST.sync_scope(guest, work),
            None => work(),
        }
    }

    pub fn here() -> Option<Self> {
        GUEST.try_with(Clone::clone).ok()
    }

    /// For pages: whether whoever looks may do this. What is sent is asked for its right all the same.
    ///
    /// # Errors
    /// They may not, with a sentence.
    pub fn here_may(right: Right) -> Result<(), Problem> {
        GUEST.try_with(|guest| guest.person.may(right)).unwrap_or_else(|_| Person::nobody().may(right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_gives_what_it_says_and_nothing_else() {
        let user = |roles: &[StudioRole]| Person::user(&UserName::new("ada").unwrap(), roles.iter().copied().collect());
        for (person, rights) in [
            (Person::owner(), vec!["look", "review", "operate"]),
            (Person::nobody(), vec![]),
            (user(&[]), vec![]),
            (user(&[StudioRole::Viewer]), vec!["look"]),
            (user(&[StudioRole::Operator]), vec!["look", "operate"]),
            (user(&[StudioRole::Reviewer]), vec!["look", "review"]),
            (user(&[StudioRole::Operator, StudioRole::Reviewer]), vec!["look", "review", "operate"]),
        ] {
            assert_eq!(person.rights(), rights, "{person:?}");
            for (right, word) in [(Right::Look, "look"), (Right::Review, "review"), (Right::Operate, "operate")] {
                assert_eq!(person.may(right).is_ok(), rights.contains(&word), "{person:?} {right:?}");
            }
        }
        let refused = user(&[StudioRole::Viewer]).may(Right::Review).unwrap_err();
        assert_eq!(refused.status, 403);
        assert_eq!(refused.hints, ["studio.users.\"ada\" = [\"viewer\", \"reviewer\"]"]);
        assert_eq!(Person::nobody().may(Right::Look).unwrap_err().status, 401);
    }

    #[test]
    fn a_route_that_is_not_named_takes_the_right_to_operate() {
        let answer = ["/runs/{run}/questions/{question}/answer", "/api/v1/questions/{run}/{question}/answer"];
        assert!(answer.iter().all(|route| Right::of_route(route) == Some(Right::Review)));
        assert_eq!(Right::of_route("/flows/{flow}/answer"), Some(Right::Operate));
        assert_eq!((Right::of_route("/login"), Right::of_route("/logout")), (None, None));
    }
}
