//! The secret that opens the studio: one per runs directory, in a file that only its owner can read.
//! In: the runs directory. Out: a token. Never: a token in a log, a receipt or a page.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    error::{Error, Kind},
    id::Sha256,
};

const DIR: &str = ".studio";
const FILE: &str = "token";
const BYTES: usize = 32;

/// What whoever asks has to bring along.
#[derive(Debug, Clone)]
pub(super) struct Token(SecretString);

impl Token {
    /// The one that is there, or a new one.
    ///
    /// # Errors
    /// It cannot be read or written, or others could read it.
    pub fn of(runs: &Path) -> Result<Self, Error> {
        let dir = runs.join(DIR);
        let path = dir.join(FILE);
        let failed = |error: &io::Error| Error::new(Kind::System, format!("no token in {}", path.display())).because(error);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let mode = fs::metadata(&path).map_err(|error| failed(&error))?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(Error::new(
                        Kind::Refused,
                        format!("others can read {}: mode {:o}", path.display(), mode & 0o777),
                    )
                    .hint(format!("rm {}    # the next start makes another", path.display())));
                }
                let text = text.trim().to_owned();
                if text.len() < 2 * BYTES {
                    return Err(Error::new(Kind::Invalid, format!("{} holds no token", path.display()))
                        .hint(format!("rm {}    # the next start makes another", path.display())));
                }
                Ok(Self(text.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|error| failed(&error))?;
                put(&dir, &path).map_err(|error| failed(&error))?;
                Self::of(runs)
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// For the link that a person opens.
    pub fn shown(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the browser keeps: whoever sees it cannot make the link of it.
    pub fn cookie(&self) -> String {
        Sha256::of(format!("cookie\n{}", self.shown()).as_bytes()).as_str().to_owned()
    }

    pub fn opens(&self, token: &str) -> bool {
        same(self.shown(), token)
    }

    pub fn is_cookie(&self, cookie: &str) -> bool {
        same(&self.cookie(), cookie)
    }
}

/// Whole under its name or not at all; whoever starts at the same time keeps the one that was first.
fn put(dir: &Path, path: &Path) -> io::Result<()> {
    let text = random()?;
    let fresh = dir.join(format!("{FILE}.{}", &text[..8]));
    let text = random()?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let put = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&fresh, path));
    fs::remove_file(&fresh)?;
    match put {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Compares digests, so that the time it takes tells nothing.
fn same(a: &str, b: &str) -> bool {
    Sha256::of(a.as_bytes()) == Sha256::of(b.as_bytes())
}

/// Hexadecimal, from the system's own source.
pub(super) fn random() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
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
        assert_eq!(fs::read_dir(runs.path().join(DIR)).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn the_cookie_is_not_the_token() {
        let runs = tempfile::tempdir().unwrap();
        let token = Token::of(runs.path()).unwrap();
        assert!(token.opens(token.shown()) && token.is_cookie(&token.cookie()));
        assert!(!token.opens(&token.cookie()) && !token.is_cookie(token.shown()) && !token.opens(""));
    }
}
