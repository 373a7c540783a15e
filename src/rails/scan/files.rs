//! The files of a scan: what git would take along of a directory, all of a run, one file.
//! In: a path. Out: everything in it, looked at. Never: a link followed, a file that is too large or unreadable left unnamed.

use std::{fs, io, path::Path};

use super::Scanner;

/// Larger files are data; they are named in the report.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A file is binary when its beginning holds a NUL.
const HEAD_BYTES: usize = 8 * 1024;

impl Scanner<'_> {
    /// Looks at a file, or at all of a directory. `shown`: how its path is told. `ignored`: also what git leaves out.
    /// `omit`: a directory that is not looked into. Blocks.
    ///
    /// # Errors
    /// The path is not there.
    pub fn path(&mut self, path: &Path, shown: &str, ignored: bool, omit: Option<&Path>) -> io::Result<()> {
        let meta = path.symlink_metadata()?;
        if meta.is_file() {
            self.file(path, shown);
            return Ok(());
        }
        if !meta.is_dir() {
            return Err(io::Error::other("it is neither a file nor a directory"));
        }
        let omit = omit.map(Path::to_path_buf);
        let wanted = move |entry: &ignore::DirEntry| {
            let dir = entry.file_type().is_some_and(|kind| kind.is_dir());
            !(dir && (entry.file_name() == ".git" || omit.as_deref() == Some(entry.path())))
        };
        let mut walk = ignore::WalkBuilder::new(path);
        walk.standard_filters(!ignored).hidden(false).ignore(false).git_global(false).sort_by_file_path(Path::cmp);
        for entry in walk.filter_entry(wanted).build() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.not_looked_at(shown, error.to_string());
                    continue;
                }
            };
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let below = entry.path().strip_prefix(path).unwrap_or(entry.path()).to_string_lossy();
            let shown = if shown.is_empty() || shown == "." {
                below.into_owned()
            } else {
                format!("{}/{below}", shown.trim_end_matches('/'))
            };
            self.file(entry.path(), &shown);
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, shown: &str) {
        let bytes = match path.metadata() {
            Ok(meta) if meta.len() > FILE_BYTES_MAX => {
                self.name(shown, None);
                return self.not_looked_at(shown, format!("it has {} bytes, more than {FILE_BYTES_MAX}", meta.len()));
            }
            // A pipe would be waited for, a device read for ever.
            Ok(meta) if !meta.is_file() => return self.not_looked_at(shown, "it is not a regular file".to_owned()),
            Ok(_) => match fs::read(path) {
                Ok(bytes) => bytes,
                Err(error) => return self.not_looked_at(shown, error.to_string()),
            },
            Err(error) => return self.not_looked_at(shown, error.to_string()),
        };
        self.counted(bytes.len());
        // The name of a file may hold a secret, too.
        self.text(shown, shown, 0);
        if bytes[..bytes.len().min(HEAD_BYTES)].contains(&0) {
            return self.name(shown, None);
        }
        let text = String::from_utf8_lossy(&bytes);
        self.name(shown, Some(&text));
        self.text(shown, &text, 1);
    }
}
