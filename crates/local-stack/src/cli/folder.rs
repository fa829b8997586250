//! The data folder of a stack: its lock, its state, its admin token, and the folders of its parts.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::state::State;
use crate::account::{Account, require_ours};
use crate::error::{Attempt, Error, Result};
use crate::process::start_time;

/// A data folder, whether or not a stack runs in it.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
}

/// The data folder of the stack that this process runs.
#[derive(Debug)]
pub struct OwnedFolder {
    pub folder: DataFolder,
    // The lock ends with this process.
    _lock: File,
}

impl DataFolder {
    pub fn new(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).attempt_on("finding", path)?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Locks the folder for this process, and creates it if it does not exist.
    pub fn lock(self) -> Result<OwnedFolder> {
        fs::create_dir_all(&self.path).attempt_on("creating", &self.path)?;
        require_ours("food-orders", &self.path)?;
        let path = self.lock_path();
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .attempt_on("opening", &path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::AlreadyRunning {
                    pid: self.holder().map_or(0, |(pid, _)| pid),
                    folder: self.path,
                });
            }
            Err(fs::TryLockError::Error(e)) => return Err(e).attempt_on("locking", &path),
        }
        let pid = std::process::id();
        let text = format!("{pid} {}\n", start_time(pid).unwrap_or(0));
        lock.set_len(0).attempt_on("writing", &path)?;
        lock.rewind().attempt_on("writing", &path)?;
        lock.write_all(text.as_bytes()).attempt_on("writing", &path)?;
        Ok(OwnedFolder { folder: self, _lock: lock })
    }

    /// The id of the process that runs a stack here; `None` if the lock is free, or names a process that has
    /// ended.
    pub fn running(&self) -> Option<u32> {
        let lock = File::open(self.lock_path()).ok()?;
        if lock.try_lock_shared().is_ok() {
            return None;
        }
        let (pid, started) = self.holder()?;
        (start_time(pid) == Some(started)).then_some(pid)
    }

    /// The state of the running stack; `None` if none runs, or if it is still starting.
    pub fn state(&self) -> Option<State> {
        let pid = self.running()?;
        let state: State = serde_json::from_slice(&fs::read(self.state_path()).ok()?).ok()?;
        (state.pid == pid).then_some(state)
    }

    /// The same, for a command that needs a running stack. `otherwise` says how to do without one.
    pub fn require_state(&self, otherwise: &'static str) -> Result<State> {
        match (self.state(), self.running()) {
            (Some(state), _) => Ok(state),
            (None, Some(pid)) => Err(Error::StillStarting { pid, folder: self.path.clone() }),
            (None, None) => Err(Error::NothingRuns { folder: self.path.clone(), otherwise }),
        }
    }

    fn holder(&self) -> Option<(u32, u64)> {
        let mut text = String::new();
        File::open(self.lock_path()).ok()?.read_to_string(&mut text).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        Some((pid.parse().ok()?, started.parse().ok()?))
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("stack.lock")
    }

    fn state_path(&self) -> PathBuf {
        self.path.join("state.json")
    }

    pub fn kafka(&self) -> PathBuf {
        self.path.join("kafka")
    }

    pub fn registry(&self) -> PathBuf {
        self.path.join("registry")
    }

    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Inside this folder, unless PostgreSQL's account cannot enter it, as below root's home folder.
    pub fn postgres(&self) -> Result<PathBuf> {
        let existing = self.path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        if Account::for_postgres()?.can_enter(existing) {
            return Ok(self.path.join("postgres"));
        }
        Ok(self.postgres_fallback().join("postgres"))
    }

    /// Where PostgreSQL's data is kept if its account cannot enter this folder.
    pub fn postgres_fallback(&self) -> PathBuf {
        let name = self.path.display().to_string().trim_matches('/').replace('/', "-");
        Path::new("/var/lib/food-orders").join(name)
    }

    /// The admin token of the HTTP API. It is created once, and only this user can read it.
    pub fn admin_token(&self) -> Result<String> {
        let path = self.path.join("admin-token");
        if let Ok(token) = fs::read_to_string(&path)
            && !token.trim().is_empty()
        {
            return Ok(token.trim().to_owned());
        }
        let token = uuid::Uuid::new_v4().simple().to_string();
        write_private(&path, token.as_bytes())?;
        Ok(token)
    }
}

impl OwnedFolder {
    /// Replaces the state in one step, so that a reader sees the old or the new one.
    pub fn write_state(&self, state: &State) -> Result<()> {
        let path = self.folder.state_path();
        let text = serde_json::to_vec_pretty(state).attempt("writing the state of the stack")?;
        let new = path.with_extension("json.new");
        write_private(&new, &text)?;
        fs::rename(&new, &path).attempt_on("writing", &path)
    }

    pub fn remove_state(&self) {
        let _ = fs::remove_file(self.folder.state_path());
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .attempt_on("creating", path)?;
    // The mode above applies only to a file that is created.
    file.set_permissions(fs::Permissions::from_mode(0o600)).attempt_on("changing the mode of", path)?;
    file.write_all(bytes).attempt_on("writing", path)
}
