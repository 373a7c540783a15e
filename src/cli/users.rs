//! `users`: who has a link of their own to the studio.
//! Never: a link shown a second time; a role given here, which settings do.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    config::StudioRole,
    error::{Error, Kind},
    id::{Time, UserName},
    studio::{Origin, Users},
};

use super::context::{Context, tell};

/// Where a studio listens when nobody says otherwise.
const USUAL: &str = "http://127.0.0.1:7340";

#[derive(Debug, Args)]
pub struct UsersArgs {
    #[command(subcommand)]
    pub act: Act,
}

#[derive(Debug, Subcommand)]
pub enum Act {
    /// Make somebody's link, and print it once; what they may do stands in `[studio.users]` of the settings
    Add(Linked),
    /// Make another link for somebody; the one before opens nothing any more
    Renew(Linked),
    /// Who has a link, and which roles
    List,
    /// Take somebody's link back; whoever is signed in by it is out with their next click
    Remove {
        /// The name, as `users list` shows it
        name: UserName,
    },
}

#[derive(Debug, Args)]
pub struct Linked {
    /// The name that stands beside what they answer: their login, where they have one here
    pub name: UserName,
    /// Where browsers find the studio [default: `studio.origin` of the settings, else http://127.0.0.1:7340]
    #[arg(long, value_name = "URL", value_parser = super::serve::origin)]
    pub origin: Option<Origin>,
}

/// `users add --json`, `users renew --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserLink {
    pub name: UserName,
    /// Shown this once.
    pub link: String,
    /// For programs, as a bearer.
    pub token: String,
    pub roles: BTreeSet<StudioRole>,
}

/// `users list --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserList {
    pub users: Vec<UserLine>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct UserLine {
    pub name: UserName,
    pub roles: BTreeSet<StudioRole>,
    /// Since when the link is good; absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// `users remove --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserRemoved {
    pub name: UserName,
}

pub(super) fn run(args: &UsersArgs, context: &Context) -> Result<u8, Error> {
    let config = &context.workspace.config;
    let users = Users::of(&config.runs_dir);
    match &args.act {
        Act::Add(linked) => link(linked, context, |name| users.add(name, context.workspace.now())),
        Act::Renew(linked) => link(linked, context, |name| users.renew(name, context.workspace.now())),
        Act::List => list(&users, context),
        Act::Remove { name } => {
            users.remove(name)?;
            context.out(&UserRemoved { name: name.clone() }, || format!("the link of {name} opens nothing any more\n"))?;
            Ok(0)
        }
    }
}

fn link(linked: &Linked, context: &Context, make: impl FnOnce(&UserName) -> Result<String, Error>) -> Result<u8, Error> {
    let settings = &context.workspace.config.studio;
    if !settings.untrusted.is_empty() {
        return Err(untrusted(context));
    }
    let found = settings.origin.as_deref().map(Origin::new).transpose()?;
    let at = linked.origin.clone().or(found).map_or_else(|| USUAL.to_owned(), |origin| origin.to_string());
    let token = make(&linked.name)?;
    let roles = settings.users.get(&linked.name).cloned().unwrap_or_default();
    let made = UserLink { name: linked.name.clone(), link: format!("{at}/login?token={token}"), token, roles };
    context.out(&made, || format!("{}\n", made.link))?;
    if !context.quiet && !context.json {
        let mut word = format!("this link is for {} alone, and is not shown again\n", made.name);
        if made.roles.is_empty() {
            word += &format!(
                "{} has no role yet, and cannot come in; write into {}:\n  [studio.users]\n  \"{}\" = [\"reviewer\"]    # or viewer, \
                 operator; several if wanted\n",
                made.name,
                context.workspace.config.studio_files.best().display(),
                made.name
            );
        }
        tell(&word, context.color);
    }
    Ok(0)
}

/// What `./flow-studio.toml` says of the studio does not count here.
fn untrusted(context: &Context) -> Error {
    let keys = context.workspace.config.studio.untrusted.join(", ");
    Error::new(Kind::Refused, format!("./flow-studio.toml sets {keys}, and nobody trusts this directory"))
        .hint(format!("write it into {}", context.workspace.config.studio_files.best().display()))
        .hint("export FLOW_STUDIO_TRUST=\"$PWD\"")
}

fn list(users: &Users, context: &Context) -> Result<u8, Error> {
    let mut lines: BTreeMap<UserName, UserLine> = BTreeMap::new();
    for (name, roles) in &context.workspace.config.studio.users {
        lines.insert(name.clone(), UserLine { name: name.clone(), roles: roles.clone(), since: None });
    }
    for (name, user) in users.all()? {
        let line = lines.entry(name.clone()).or_insert(UserLine { name, roles: BTreeSet::new(), since: None });
        line.since = Some(user.since);
    }
    let list = UserList { users: lines.into_values().collect() };
    context.out(&list, || text(&list.users))?;
    Ok(0)
}

fn text(users: &[UserLine]) -> String {
    if users.is_empty() {
        return "nobody; flow-studio users add NAME makes a link\n".to_owned();
    }
    let width = users.iter().map(|line| line.name.as_str().len()).max().unwrap_or_default();
    let line = |line: &UserLine| {
        let roles: Vec<String> = line.roles.iter().map(ToString::to_string).collect();
        let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
        let link = line.since.map_or_else(|| "no link".to_owned(), |since| format!("link since {since}"));
        format!("{:width$}  {roles:26}  {link}\n", line.name.as_str())
    };
    users.iter().map(line).collect()
}
