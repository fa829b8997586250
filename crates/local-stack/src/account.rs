//! The account that PostgreSQL runs under: ours, or, because it refuses to run as root, an unprivileged one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User, geteuid};

use crate::error::{Attempt, Error, Result};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    uid: u32,
    /// Set where we are root and change to another account.
    drop_to: Option<Unprivileged>,
}

#[derive(Debug, Clone)]
struct Unprivileged {
    name: String,
    gid: u32,
}

impl Account {
    /// Ours, or as root `postgres` if there is one, else `nobody`.
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
        Err(Error::Usage(
            "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor `nobody` to run it: \
             add one (useradd --system postgres), or start this as an ordinary user"
                .to_owned(),
        ))
    }

    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// For messages.
    pub fn name(&self) -> String {
        self.drop_to.as_ref().map_or_else(|| user_name(self.uid), |user| user.name.clone())
    }

    /// Makes the command run under this account.
    pub fn apply(&self, command: &mut Command) {
        if let Some(user) = &self.drop_to {
            command.uid(self.uid).gid(user.gid);
        }
    }

    /// Makes a folder that only this account can read, as PostgreSQL demands it.
    pub fn make_private_folder(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).attempt_on("creating", folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .attempt_on("changing the mode of", folder)?;
        self.own(folder)
    }

    /// Hands a file or folder to this account.
    pub fn own(&self, path: &Path) -> Result<()> {
        match &self.drop_to {
            Some(user) => {
                chown(path, Some(self.uid), Some(user.gid)).attempt_on("changing the owner of", path)
            }
            None => Ok(()),
        }
    }

    /// Whether this account gets into that folder. Asked by trying, so that modes, groups and access lists all count.
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

/// Refuses a folder that another user has made: as root we would leave files in it that its user cannot touch any more.
pub(crate) fn require_ours(server: &'static str, folder: &Path) -> Result<()> {
    let owner = fs::metadata(folder).attempt_on("looking at", folder)?.uid();
    let us = geteuid().as_raw();
    if owner == us {
        return Ok(());
    }
    Err(Error::DataFolder {
        server,
        folder: folder.to_owned(),
        cause: format!(
            "it belongs to {}, and this runs as {}. Start it as that user, or take another folder",
            user_name(owner),
            user_name(us)
        ),
    })
}

/// Whether we run as root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// The name of a user, or its number.
pub(crate) fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("uid {uid}"),
    }
}
