//! The folder of one PostgreSQL, and the data folder inside it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::NAME;
use crate::account::{self, Account};
use crate::error::{Attempt, DataFolderError, Result};
use crate::postgres_bin::PgBin;

/// Creates the outer folder. It belongs to this program's user; PostgreSQL's account has to be able to pass
/// through it to the data folder, which only that account can read.
pub(super) fn prepare(account: &Account, folder: &Path) -> Result<()> {
    if !folder.exists() {
        fs::create_dir_all(folder).attempt_on("creating", folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
            .attempt_on("changing the mode of", folder)?;
    }
    account::require_ours(NAME, folder)?;
    if account.can_enter(folder) {
        return Ok(());
    }
    Err(DataFolderError::NotAccessible { folder: folder.to_owned(), user: account.name() }.into())
}

/// Finds the reasons for which PostgreSQL would refuse an existing data folder, and names the way out.
pub(super) fn check(account: &Account, bin: &PgBin, data: &Path) -> Result<()> {
    const MARK: &str = "PG_VERSION";
    let folder = data.to_owned();
    let owner = fs::metadata(data).attempt_on("looking at", data)?.uid();
    if owner != account.uid() {
        let (owner, user) = (account::user_name(owner), account.name());
        return Err(DataFolderError::OtherOwner { server: NAME, folder, owner, user }.into());
    }
    let file = data.join(MARK);
    match fs::read_to_string(&file) {
        Ok(version) if version.trim() == bin.major().to_string() => Ok(()),
        Ok(version) => {
            let found = version.trim().to_owned();
            Err(DataFolderError::OtherVersion { folder, found, running: bin.major() }.into())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(DataFolderError::Foreign { server: NAME, folder, missing: MARK }.into())
        }
        Err(e) => Err(e).attempt_on("reading", &file),
    }
}
