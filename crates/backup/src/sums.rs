//! The `.sha256` file: two lines as `sha256sum` writes them, with names that hold in the vault.

use crate::BackupName;
use crate::vault::Form;

/// The digests of a backup's two other files.
pub(crate) struct Sums {
    pub(crate) archive: String,
    pub(crate) manifest: String,
}

impl Sums {
    pub(crate) fn format(&self, name: &BackupName, form: Form) -> String {
        let (archive, manifest) = (&self.archive, &self.manifest);
        let (archive_end, manifest_end) = (form.archive(), form.manifest());
        format!("{archive}  {name}{archive_end}\n{manifest}  {name}{manifest_end}\n")
    }

    pub(crate) fn parse(text: &str, name: &BackupName, form: Form) -> Result<Self, String> {
        let [archive, manifest] = text.lines().collect::<Vec<_>>()[..] else {
            return Err("expected two lines".to_owned());
        };
        let sums = Self {
            archive: digest(archive, &format!("{name}{}", form.archive()))?,
            manifest: digest(manifest, &format!("{name}{}", form.manifest()))?,
        };
        if sums.format(name, form) == text {
            Ok(sums)
        } else {
            Err("expected two lines".to_owned())
        }
    }
}

fn digest(line: &str, file: &str) -> Result<String, String> {
    let refused = || format!("expected \"<sha256>  {file}\", found {line:?}");
    let (digest, name) = line.split_once("  ").ok_or_else(refused)?;
    let plain = digest.len() == 64
        && digest
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if plain && name == file {
        Ok(digest.to_owned())
    } else {
        Err(refused())
    }
}
