//! The lock of a data folder: one server at a time works on it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Attempt, DataFolderError, Result};

/// How long a server that was killed may take to let go of the folder.
const LOCK_WAIT_LIMIT: Duration = Duration::from_secs(20);

/// The server inherits the file that is returned, so the lock is held for as long as any of its processes
/// lives, also those that a killed predecessor left behind.
pub(super) fn acquire(server: &str, folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).attempt_on("creating", &path)?;
    let deadline = Instant::now() + LOCK_WAIT_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(e).attempt_on("locking", &path),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(
                    DataFolderError::InUse { server: server.to_owned(), folder: folder.to_owned() }.into()
                );
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
        }
    }
}
