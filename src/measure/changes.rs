//! What a step changed in the repository, from what git says of two contents.
//! In: `git diff --raw --numstat -z`, as bytes. Out: each file with its lines, added and removed, and their sums.
//! Never: a file's time looked at; a name taken for text that is none.

use crate::record::{ChangeFigures, ChangeKind, FileChange};

/// Files that stand in a receipt; the list of all of them is a file of its own.
pub const PER_FILE_MAX: usize = 200;

/// Reads the answer. Names are below the directory that git was asked in.
///
/// # Errors
/// What cannot be git's answer, as a fragment.
pub fn changes(answer: &[u8]) -> Result<Vec<FileChange>, String> {
    let mut kinds = std::collections::BTreeMap::new();
    let mut all = Vec::new();
    let mut parts = answer.split(|byte| *byte == 0);
    while let Some(part) = parts.next() {
        let broken = || format!("git's answer cannot be read: {}", name(part));
        if part.is_empty() {
            continue;
        }
        if part[0] == b':' {
            // `:100644 100644 <sha> <sha> M`, then the path.
            let letter = part.rsplit(|byte| *byte == b' ').next().and_then(|word| word.first());
            let kind = match letter {
                Some(b'A') => ChangeKind::Added,
                Some(b'D') => ChangeKind::Deleted,
                Some(b'T') => ChangeKind::Retyped,
                Some(_) => ChangeKind::Modified,
                None => return Err(broken()),
            };
            kinds.insert(parts.next().ok_or_else(broken)?, kind);
            continue;
        }
        // `3\t1\tsrc/a.rs`, or `-\t-\tlogo.png`.
        let mut fields = part.splitn(3, |byte| *byte == b'\t');
        let (Some(added), Some(removed), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(broken());
        };
        let number = |field: &[u8]| std::str::from_utf8(field).ok().and_then(|text| text.parse().ok());
        let change = kinds.get(path).copied().unwrap_or(ChangeKind::Modified);
        all.push(FileChange { path: name(path), change, added: number(added), removed: number(removed) });
    }
    all.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(all)
}

/// A file's name as text, readable and one line: what is no text, or would not be seen, is escaped.
fn name(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() { out.extend(char.escape_default()) } else { out.push(char) }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// The sums, and the files that stand in a receipt.
pub fn change_figures(mut all: Vec<FileChange>) -> ChangeFigures {
    let sum = |of: fn(&FileChange) -> Option<u64>| all.iter().filter_map(of).fold(0u64, u64::saturating_add);
    let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
    let files = all.len() as u64;
    all.truncate(PER_FILE_MAX);
    ChangeFigures { files, added, removed, per_file: all }
}

/// All of them, a line each: `modified +3 -1 src/a.rs`.
pub fn change_list(all: &[FileChange]) -> String {
    let lines = |file: &FileChange| match (file.added, file.removed) {
        (Some(added), Some(removed)) => format!("+{added} -{removed}"),
        _ => "binary".to_owned(),
    };
    all.iter().map(|file| format!("{} {} {}\n", file.change.as_str(), lines(file), file.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bytes_and_are_shown_as_one_line() {
        let answer = b":100644 100644 aa bb M\0a b\nc\0:000000 100644 00 bb A\0x\xff\0:100644 000000 aa 00 D\0logo.png\x003\t1\ta b\nc\x002\t0\tx\xff\0-\t-\tlogo.png\0";
        let all = changes(answer).unwrap();
        assert_eq!(change_list(&all), "modified +3 -1 a b\\nc\ndeleted binary logo.png\nadded +2 -0 x\\xff\n");
        let figures = change_figures(all);
        assert_eq!((figures.files, figures.added, figures.removed), (3, 5, 1));
        assert!(changes(b"nonsense\0").is_err());
        assert!(changes(b"").unwrap().is_empty());
    }
}
