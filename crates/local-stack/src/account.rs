//! The account that PostgreSQL runs under: that of this program or, because PostgreSQL refuses to run as
//! root, an unprivileged one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User, geteuid};

use crate::error::{Attempt, DataFolderError, Result, UsageError};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    uid: u32,
    /// Set if this program runs as root.
    drop_to: Option<Unprivileged>,
}

#[derive(Debug, Clone)]
struct Unprivileged {
    name: String,
    gid: u32,
}

impl Account {
    /// The account of this program; for root, `postgres` if that user exists, or else `nobody`.
    pub fn for_postgres() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self { uid: geteuid().as_raw(), drop_to: None });
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name).attempt(format!("looking up the user {name}"))? {
                return Ok(Self {
                    uid: user.uid.as_raw(),
                    drop_to: Some(Unprivileged { name: name.to_owned(), gid: user.gid.as_raw() }),
                });
            }
        }
        Err(UsageError::NoAccount.into())
    }

    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The user's name, for messages.
    pub fn name(&self) -> String {
        self.drop_to.as_ref().map_or_else(|| user_name(self.uid), |user| user.name.clone())
    }

    /// Makes the command run under this account.
    pub fn apply(&self, command: &mut Command) {
        if let Some(user) = &self.drop_to {
            command.uid(self.uid).gid(user.gid);
        }
    }

    /// Creates a folder that only this account can read, as PostgreSQL demands.
    pub fn make_private_folder(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).attempt_on("creating", folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .attempt_on("changing the mode of", folder)?;
        self.take_over(folder)
    }

    /// Makes this account the owner of a file or folder.
    pub fn take_over(&self, path: &Path) -> Result<()> {
        match &self.drop_to {
            Some(user) => {
                chown(path, Some(self.uid), Some(user.gid)).attempt_on("changing the owner of", path)
            }
            None => Ok(()),
        }
    }

    /// Whether this account can enter a folder. A shell tries it, so that modes, groups and access lists all
    /// count.
    pub fn can_enter(&self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "cd \"$1\"", "sh"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

/// Refuses a folder that another user created: running as root, this program would leave files in it that its
/// user cannot change.
pub(crate) fn require_ours(server: &'static str, folder: &Path) -> Result<()> {
    let owner = fs::metadata(folder).attempt_on("looking at", folder)?.uid();
    let user = geteuid().as_raw();
    if owner == user {
        return Ok(());
    }
    let (owner, user) = (user_name(owner), user_name(user));
    Err(DataFolderError::OtherOwner { server, folder: folder.to_owned(), owner, user }.into())
}

/// Whether this program runs as root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// The name of a user, or `uid 1000` if it has none.
pub(crate) fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("uid {uid}"),
    }
}
