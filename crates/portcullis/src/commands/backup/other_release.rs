//! A backup that has the data of another release than the one that would work on it.

use portcullis_backup::{BackupName, Vault};
use portcullis_config::Config;

use crate::command_error::{CommandError, Exit};
use crate::{offline, output};

/// Refuses to put data in the place of another release's, unless that is meant; then says what may come of it. What cannot be
/// told, because the backup or the journal does not say it, is no reason to refuse.
pub(super) async fn check(
    config: &Config,
    vault: &Vault,
    name: &BackupName,
    is_meant: bool,
) -> Result<(), CommandError> {
    let (service, environment) = (config.service.name.as_str(), &config.service.environment);
    if name.service() != service || name.environment() != environment {
        // That is refused in any case.
        return Ok(());
    }
    let Ok(Some(of)) = vault.manifest(name).map(|manifest| manifest.release) else {
        return Ok(());
    };
    let Ok(history) = offline::present(config).await else {
        return Ok(());
    };
    let here = match history.data_release() {
        Ok(Some(here)) if here.as_str() == of => return Ok(()),
        Ok(Some(here)) => format!("here {here} works on it"),
        Ok(None) => return Ok(()),
        Err(between) => between.to_string(),
    };
    let what = format!("the backup {name} has the data of release {of}, and {here}");
    if is_meant {
        output::talk(&format!(
            "warning: {what}: a release that cannot work on the data of another will not serve"
        ));
        return Ok(());
    }
    Err(CommandError::new(Exit::Failed, what).hint(format!(
        "`portcullis rollback {of}` brings release and data back together, where a way back is known; --other-release puts \
         the data there all the same"
    )))
}
