//! Which start of the machine this is: what was written under another one, and not synced, may not have reached the disk.
//! In: the number that Linux draws at each start. Out: it, or nothing where there is none. Never: a guess.

use std::sync::OnceLock;

use crate::record::Manifest;

const FILE: &str = "/proc/sys/kernel/random/boot_id";

/// Asked once. `None`: it is not known, as on macOS.
pub fn boot_id() -> Option<&'static str> {
    static ID: OnceLock<Option<String>> = OnceLock::new();
    ID.get_or_init(|| std::fs::read_to_string(FILE).ok().and_then(|text| checked(&text))).as_deref()
}

fn checked(text: &str) -> Option<String> {
    let id = text.trim();
    let is_id = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_id.then(|| id.to_owned())
}

/// Up to which line the files are as run.json says, when the machine was started as `today`. Files are not synced: those of another start
/// are looked at, all of them. Where one of the two is not known, run.json is believed.
pub(super) fn covered(manifest: &Manifest, today: Option<&str>) -> u64 {
    match (manifest.boot_id.as_deref(), today) {
        (Some(then), Some(today)) if then != today => 0,
        _ => manifest.projected_seq,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_not_taken_for_one() {
        assert_eq!(checked("0b8ce0a2-6a2c-4b0f-9a87-5e6f7f1f0c11\n").as_deref(), Some("0b8ce0a2-6a2c-4b0f-9a87-5e6f7f1f0c11"));
        for none in ["", "\n", "0b8ce0a2", "../../etc/passwd-000000000000000000000"] {
            assert_eq!(checked(none), None, "{none:?}");
        }
    }
}
