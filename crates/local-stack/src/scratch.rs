//! A temporary folder for servers whose data is thrown away. It is removed even if this process is killed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cleaner::Cleaner;
use crate::error::{Attempt, Result};

/// Waits until no server holds a lock in the folder, then removes it.
const SCRIPT: &str = r#"
for lock in "$1"/*/lock "$1"/*/node-*/lock "$1"/*/zookeeper/lock; do
  [ ! -e "$lock" ] || flock --wait 30 "$lock" true || true
done
rm -rf "$1"
"#;

/// See the module.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _cleaner: Cleaner,
}

impl Scratch {
    /// Creates the folder.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("food-orders-")
            // PostgreSQL's account has to be able to enter it.
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .attempt("creating a temporary folder")?;
        let cleaner = Cleaner::new(SCRIPT, [folder.path()])?;
        // From here on, the cleaner removes the folder.
        Ok(Self { path: folder.keep(), _cleaner: cleaner })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
