//! The cache folder: where it is, who may write to it, and how a folder in it is filled.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::CACHE_VARIABLE;
use crate::account::{self, Account};
use crate::error::{Attempt, Result, UsageError};

/// Where jars are kept, and PostgreSQL too unless this program runs as root.
pub(super) fn folder() -> Result<PathBuf> {
    let folder = if let Some(chosen) = variable(CACHE_VARIABLE) {
        chosen
    } else if let Some(xdg) = variable("XDG_CACHE_HOME") {
        xdg.join("food-orders")
    } else if let Some(home) = variable("HOME").filter(|home| home.is_dir()) {
        home.join(".cache/food-orders")
    } else {
        PathBuf::from(format!("/var/tmp/food-orders-{}", nix::unistd::geteuid()))
    };
    create_safely(folder)
}

/// Where PostgreSQL is kept. Its account has to be able to run it there, so for root it is not in root's home
/// folder.
pub(super) fn folder_for_postgres() -> Result<PathBuf> {
    if !account::is_root() {
        return folder();
    }
    if variable(CACHE_VARIABLE).is_none() {
        return create_safely(PathBuf::from("/var/tmp/food-orders-0"));
    }
    let folder = folder()?;
    let account = Account::for_postgres()?;
    if account.can_enter(&folder) {
        return Ok(folder);
    }
    Err(UsageError::CacheNotAccessible { folder, user: account.name() }.into())
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Creates the folder, or accepts an existing one that only this user can write to: programs are run from it.
fn create_safely(folder: PathBuf) -> Result<PathBuf> {
    if !folder.exists() {
        fs::create_dir_all(&folder).attempt_on("creating", &folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))
            .attempt_on("changing the mode of", &folder)?;
    }
    let metadata = fs::symlink_metadata(&folder).attempt_on("looking at", &folder)?;
    let is_safe_owner = metadata.uid() == nix::unistd::geteuid().as_raw() || metadata.is_symlink();
    if !is_safe_owner || (metadata.is_dir() && metadata.mode() & 0o002 != 0) {
        return Err(UsageError::UnsafeCache { folder, owner: account::user_name(metadata.uid()) }.into());
    }
    Ok(folder)
}

/// Returns the folder after `fill` has filled it, unless it exists already. It appears complete or not at
/// all. If several processes call this at the same time, one fills the folder and the others wait.
pub(crate) fn fill_once(folder: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let parent = folder.parent().unwrap_or(Path::new("/"));
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let lock_path = parent.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).attempt_on("creating", &lock_path)?;
    // Held until this function returns.
    lock.lock().attempt_on("locking", &lock_path)?;
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let unfinished = tempfile::Builder::new()
        .prefix("unfinished-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(parent)
        .attempt_on("creating a folder in", parent)?;
    fill(unfinished.path())?;
    fs::rename(unfinished.keep(), folder).attempt_on("creating", folder)?;
    Ok(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_folder_is_filled_once_and_never_half() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("package");
        let failed = fill_once(&folder, |unfinished| {
            fs::write(unfinished.join("half"), "").unwrap();
            Err(Error::EmptyPackage { package: "a test".to_owned() })
        });
        assert!(failed.is_err() && !folder.exists());
        fill_once(&folder, |unfinished| fs::write(unfinished.join("a"), "").attempt("writing")).unwrap();
        fill_once(&folder, |_| panic!("it was filled again")).unwrap();
        assert!(folder.join("a").exists());
    }

    #[test]
    fn a_folder_that_everyone_can_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        create_safely(folder.path().to_owned()).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = create_safely(folder.path().to_owned()).unwrap_err().to_string();
        assert!(error.contains("FOOD_ORDERS_CACHE"), "{error}");
    }
}
