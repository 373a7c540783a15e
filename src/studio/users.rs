//! Those who have a link of their own, in `.studio/users` beside the runs: each name with the digest of its key.
//! In: a name. Out: a token, said once and kept nowhere. Never: a token or a cookie on the disk, a file that others can read.
//!
//! A token is 256 bits of the system's luck. Nobody tries them out, however fast the digest is: one round of SHA-256 is enough, slow
//! digests are for words that people choose. For the same reason wrong tokens are told of, and not counted.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Kind},
    id::{Sha256, Time, UserName},
};

use super::{private, token::cookie_of};

const FILE: &str = "users";
const SCHEMA: &str = "flow-studio/studio-users/v1";
/// A list that is read whenever one of them comes; more of them want a directory service.
const USERS_MAX: usize = 1_000;

/// The list of one runs directory.
#[derive(Debug, Clone)]
pub struct Users {
    runs: PathBuf,
}

/// Somebody with a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Digest of the cookie, which is one of the token: who reads it can make neither.
    pub key: Sha256,
    pub since: Time,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    schema: String,
    users: BTreeMap<UserName, User>,
}

/// What a cookie is found by.
pub(super) fn key_of_cookie(cookie: &str) -> Sha256 {
    Sha256::of(cookie.as_bytes())
}

/// What a token is found by.
pub(super) fn key_of_token(token: &str) -> Sha256 {
    key_of_cookie(&cookie_of(token))
}

impl Users {
    pub fn of(runs: &Path) -> Self {
        Self { runs: runs.to_owned() }
    }

    pub fn path(&self) -> PathBuf {
        self.runs.join(private::DIR).join(FILE)
    }

    /// By name; nobody where there is no list.
    ///
    /// # Errors
    /// The list cannot be read, others can read it, or it is none.
    pub fn all(&self) -> Result<BTreeMap<UserName, User>, Error> {
        let path = self.path();
        let Some(text) = private::read(&path, &format!("chmod 600 {}", path.display()))? else { return Ok(BTreeMap::new()) };
        let bad = || Error::new(Kind::Invalid, format!("{} is no list of users", path.display()));
        let listed: Listed = serde_json::from_str(&text).map_err(|error| bad().because(&error))?;
        if listed.schema == SCHEMA { Ok(listed.users) } else { Err(bad().hint(format!("this program writes {SCHEMA}"))) }
    }

    /// A token for a new name.
    ///
    /// # Errors
    /// There is such a user, or the list cannot be written.
    pub fn add(&self, name: &UserName, now: Time) -> Result<String, Error> {
        self.change(|users| {
            if users.contains_key(name) {
                return Err(Error::new(Kind::Refused, format!("`{name}` has a link already; it was shown once"))
                    .hint(format!("flow-studio users renew {name}")));
            }
            if users.len() >= USERS_MAX {
                return Err(Error::new(Kind::Limit, format!("there are {USERS_MAX} users; that is as many as there can be")));
            }
            token_for(users, name, now)
        })
    }

    /// Another token for a name; the one it had opens nothing any more.
    ///
    /// # Errors
    /// There is no such user, or the list cannot be written.
    pub fn renew(&self, name: &UserName, now: Time) -> Result<String, Error> {
        self.change(|users| if users.contains_key(name) { token_for(users, name, now) } else { Err(nobody(name, users)) })
    }

    /// # Errors
    /// There is no such user, or the list cannot be written.
    pub fn remove(&self, name: &UserName) -> Result<(), Error> {
        self.change(|users| users.remove(name).map(drop).ok_or_else(|| nobody(name, users)))
    }

    fn change<T>(&self, act: impl FnOnce(&mut BTreeMap<UserName, User>) -> Result<T, Error>) -> Result<T, Error> {
        let failed =
            |error: io::Error| Error::new(Kind::System, format!("{} cannot be written", self.path().display())).because(&error);
        let dir = private::dir(&self.runs).map_err(failed)?;
        let _lock = private::locked(&dir).map_err(failed)?;
        let mut users = self.all()?;
        let done = act(&mut users)?;
        let text = serde_json::to_string_pretty(&Listed { schema: SCHEMA.to_owned(), users });
        let text = text.map_err(|error| failed(error.into()))?;
        private::put_last(&dir, FILE, &format!("{text}\n")).map_err(failed)?;
        Ok(done)
    }
}

fn token_for(users: &mut BTreeMap<UserName, User>, name: &UserName, since: Time) -> Result<String, Error> {
    let token = private::random().map_err(|error| Error::new(Kind::System, "no token could be made").because(&error))?;
    users.insert(name.clone(), User { key: key_of_token(&token), since });
    Ok(token)
}

fn nobody(name: &UserName, users: &BTreeMap<UserName, User>) -> Error {
    let known: Vec<&str> = users.keys().map(UserName::as_str).collect();
    let known = if known.is_empty() { "nobody has one".to_owned() } else { format!("there are: {}", known.join(", ")) };
    Error::new(Kind::Usage, format!("`{name}` has no link; {known}")).hint(format!("flow-studio users add {name}"))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn name(text: &str) -> UserName {
        UserName::new(text).unwrap()
    }

    #[test]
    fn a_token_is_said_once_and_only_its_digest_is_kept() {
        let runs = tempfile::tempdir().unwrap();
        let users = Users::of(runs.path());
        assert!(users.all().unwrap().is_empty());
        let token = users.add(&name("ada"), Time::from_ms(0)).unwrap();
        assert_eq!(users.all().unwrap()[&name("ada")].key, key_of_token(&token));
        let text = fs::read_to_string(users.path()).unwrap();
        assert!(!text.contains(&token) && !text.contains(&cookie_of(&token)), "{text}");
        assert_eq!(fs::metadata(users.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(users.add(&name("ada"), Time::from_ms(0)).unwrap_err().kind, Kind::Refused);
        let other = users.renew(&name("ada"), Time::from_ms(0)).unwrap();
        assert!(other != token && users.all().unwrap()[&name("ada")].key == key_of_token(&other));
        users.remove(&name("ada")).unwrap();
        assert!(users.all().unwrap().is_empty());
        assert_eq!(users.remove(&name("ada")).unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn a_list_that_others_can_read_or_that_is_none_is_not_read() {
        let runs = tempfile::tempdir().unwrap();
        let users = Users::of(runs.path());
        users.add(&name("ada"), Time::from_ms(0)).unwrap();
        fs::set_permissions(users.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(users.all().unwrap_err().kind, Kind::Refused);
        fs::set_permissions(users.path(), fs::Permissions::from_mode(0o600)).unwrap();
        for bad in ["", "{}", "[]", "{\"schema\":\"flow-studio/studio-users/v2\",\"users\":{}}"] {
            fs::write(users.path(), bad).unwrap();
            assert_eq!(users.all().unwrap_err().kind, Kind::Invalid, "{bad}");
        }
    }

    #[test]
    fn all_who_are_added_at_once_are_there() {
        let runs = tempfile::tempdir().unwrap();
        let users = Users::of(runs.path());
        std::thread::scope(|scope| {
            for at in 0..8 {
                let users = &users;
                scope.spawn(move || users.add(&name(&format!("u{at}")), Time::from_ms(0)).unwrap());
            }
        });
        assert_eq!(users.all().unwrap().len(), 8);
        assert_eq!(fs::read_dir(runs.path().join(private::DIR)).unwrap().count(), 1, "nothing else is left there");
    }
}
