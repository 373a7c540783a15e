//! The secret that opens the studio to its owner: one per runs directory, in a file that nobody else can read.
//! In: the runs directory. Out: a token. Never: a token in a log, a receipt or a page.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    error::{Error, Kind},
    id::Sha256,
};

use super::private;

const FILE: &str = "token";
/// As `private::random` makes them.
const LETTERS: usize = 64;

/// What whoever asks has to bring along.
#[derive(Debug, Clone)]
pub(super) struct Token(SecretString);

impl Token {
    /// The one that is there, or a new one.
    ///
    /// # Errors
    /// It cannot be read or written, or others could read it.
    pub fn of(runs: &Path) -> Result<Self, Error> {
        let path = runs.join(private::DIR).join(FILE);
        let mend = format!("rm {}    # the next start makes another", path.display());
        let Some(text) = private::read(&path, &mend)? else {
            let put = private::dir(runs).and_then(|dir| private::put_first(&dir, FILE, &private::random()?));
            put.map_err(|error| Error::new(Kind::System, format!("no token in {}", path.display())).because(&error))?;
            return Self::of(runs);
        };
        let text = text.trim().to_owned();
        if text.len() < LETTERS {
            return Err(Error::new(Kind::Invalid, format!("{} holds no token", path.display())).hint(mend));
        }
        Ok(Self(text.into()))
    }

    /// For the link that a person opens.
    pub fn shown(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the browser keeps: whoever sees it cannot make the link of it.
    pub fn cookie(&self) -> String {
        cookie_of(self.shown())
    }

    pub fn opens(&self, token: &str) -> bool {
        same(self.shown(), token)
    }

    pub fn is_cookie(&self, cookie: &str) -> bool {
        same(&self.cookie(), cookie)
    }
}

/// Of the owner's token, or of a user's.
pub(super) fn cookie_of(token: &str) -> String {
    Sha256::of(format!("cookie\n{token}").as_bytes()).as_str().to_owned()
}

/// Compares digests, so that the time it takes tells nothing.
fn same(a: &str, b: &str) -> bool {
    Sha256::of(a.as_bytes()) == Sha256::of(b.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn the_token_is_made_once_and_only_its_owner_can_read_it() {
        let runs = tempfile::tempdir().unwrap();
        let token = Token::of(runs.path()).unwrap();
        assert_eq!(token.shown().len(), 64);
        assert_eq!(Token::of(runs.path()).unwrap().shown(), token.shown());
        let path = runs.path().join(".studio/token");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Token::of(runs.path()).unwrap_err().kind, Kind::Refused);
    }

    #[test]
    fn all_who_start_at_once_have_the_same_token() {
        let runs = tempfile::tempdir().unwrap();
        let all: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
            let each: Vec<_> = (0..8).map(|_| scope.spawn(|| Token::of(runs.path()).unwrap().shown().to_owned())).collect();
            each.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(all.len(), 1);
        assert_eq!(fs::read_dir(runs.path().join(private::DIR)).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn the_cookie_is_not_the_token() {
        let runs = tempfile::tempdir().unwrap();
        let token = Token::of(runs.path()).unwrap();
        assert!(token.opens(token.shown()) && token.is_cookie(&token.cookie()));
        assert!(!token.opens(&token.cookie()) && !token.is_cookie(token.shown()) && !token.opens(""));
    }
}
