//! `[studio]`: who may come to the studio by name, as what, and where browsers find it.
//! In: two files, read again while a studio runs. Out: roles by name. Never: a role that a directory gives which nobody trusts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{error::Error, id::UserName};

use super::{own_file, programs, read, user_file};

/// What somebody may do in the studio. Everybody with a role may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StudioRole {
    /// Looks.
    Viewer,
    /// Looks, and starts, resumes, retries and cancels runs.
    Operator,
    /// Looks, and answers what waits for a person.
    Reviewer,
}

impl fmt::Display for StudioRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Reviewer => "reviewer",
        })
    }
}

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StudioFile {
    /// Where browsers find it, if not at the address where it listens: `https://studio.example`. In a directory's
    /// file it counts where the directory is trusted.
    origin: Option<String>,
    /// Who may come in by name, and as what: `ada = ["reviewer"]`. Roles are `viewer`, `operator`, `reviewer`. In a directory's
    /// file they count where the directory is trusted. `flow-studio users add ada` makes the link.
    #[serde(default)]
    users: BTreeMap<UserName, BTreeSet<StudioRole>>,
}

impl StudioFile {
    pub(super) fn says_any(&self) -> bool {
        self.origin.is_some() || !self.users.is_empty()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudioSettings {
    /// `http(s)://host[:port]`, as it is written.
    pub origin: Option<String>,
    pub users: BTreeMap<UserName, BTreeSet<StudioRole>>,
    /// Keys that ./flow-studio.toml sets although nobody trusts its directory; they do not count.
    pub untrusted: Vec<String>,
}

impl StudioSettings {
    /// Whoever can write into a directory could give themselves a role there: a stranger's repository, an agent at work.
    /// So the user's own file counts, and a directory's where its user trusts it, as for programs and keys.
    pub(super) fn of(own: StudioFile, user: StudioFile, trusted: bool) -> Self {
        let written = [("studio.origin", own.origin.is_some()), ("studio.users", !own.users.is_empty())];
        let untrusted = written.into_iter().filter(|(_, is)| *is && !trusted).map(|(key, _)| key.to_owned()).collect();
        let own = if trusted { own } else { StudioFile::default() };
        let mut users = user.users;
        users.extend(own.users);
        Self { origin: own.origin.or(user.origin), users, untrusted }
    }
}

/// The files in which `[studio]` stands.
#[derive(Debug, Clone)]
pub struct StudioFiles {
    cwd: PathBuf,
    /// Of the environment, what says which directory is trusted.
    env: BTreeMap<String, String>,
    own: PathBuf,
    user: Option<PathBuf>,
}

impl StudioFiles {
    pub(super) fn of(cwd: &Path, env: &BTreeMap<String, String>) -> Self {
        let trusts = ["FLOW_STUDIO_TRUST", "HOME"].into_iter();
        let trusts = trusts.filter_map(|name| Some((name.to_owned(), env.get(name)?.clone()))).collect();
        Self { cwd: cwd.to_owned(), env: trusts, own: own_file(cwd), user: user_file(env) }
    }

    /// Both, whether they are there or not.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.own), self.user.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }

    /// The user's own one, where a role can always be given.
    pub fn best(&self) -> &Path {
        self.user.as_deref().unwrap_or(&self.own)
    }

    /// As they stand now.
    ///
    /// # Errors
    /// One of them cannot be read, or holds a key that is not ours.
    pub fn read(&self) -> Result<StudioSettings, Error> {
        let (own, user) = (read(&self.own)?, self.user.as_deref().map(read).transpose()?.unwrap_or_default());
        let trusted = programs::trusted(&self.cwd, &user.trust, &self.env);
        Ok(StudioSettings::of(own.studio, user.studio, trusted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> StudioFile {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_directory_gives_roles_only_where_it_is_trusted() {
        let user = || file("users = { ada = [\"viewer\"], bo = [\"operator\"] }");
        let own = || file("origin = \"https://evil.example\"\nusers = { ada = [\"reviewer\"], eve = [\"operator\"] }");
        let name = |text: &str| UserName::new(text).unwrap();
        let not = StudioSettings::of(own(), user(), false);
        assert_eq!(not.users[&name("ada")], [StudioRole::Viewer].into());
        assert!(!not.users.contains_key(&name("eve")) && not.origin.is_none());
        assert_eq!(not.untrusted, ["studio.origin", "studio.users"]);
        let trusted = StudioSettings::of(own(), user(), true);
        assert_eq!(trusted.users[&name("ada")], [StudioRole::Reviewer].into(), "the nearer file wins, name by name");
        assert_eq!(trusted.users[&name("bo")], [StudioRole::Operator].into());
        assert!(trusted.untrusted.is_empty() && trusted.origin.is_some());
    }

    #[test]
    fn what_is_no_role_or_no_name_is_refused() {
        for bad in
            ["users = { ada = [\"root\"] }", "users = { \"a b\" = [\"viewer\"] }", "user = {}", "users = { ada = \"viewer\" }"]
        {
            assert!(toml::from_str::<StudioFile>(bad).is_err(), "{bad}");
        }
    }

    /// What the running studio reads again is what the command line reads at its start.
    #[test]
    fn the_files_are_read_again_as_they_were_read_first() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        std::fs::create_dir_all(at("home/flow-studio")).unwrap();
        let put = |path: &str, text: &str| std::fs::write(at(path), text).unwrap();
        put("flow-studio.toml", "[studio.users]\nada = [\"reviewer\"]\n");
        let trust = format!("trust = [{:?}]\n", dir.path());
        let env = [("XDG_CONFIG_HOME".into(), at("home").into_os_string())];
        let load = || super::super::Config::load(dir.path(), &super::super::Flags::default(), env.clone()).unwrap();
        let first = load();
        assert_eq!((first.studio.users.len(), first.studio.untrusted.len()), (0, 1));
        put("home/flow-studio/config.toml", &trust);
        assert_eq!(first.studio_files.read().unwrap(), load().studio);
        assert_eq!(load().studio.users.len(), 1);
        put("flow-studio.toml", "[studio]\nnonsense = 1\n");
        assert!(first.studio_files.read().is_err());
    }
}
