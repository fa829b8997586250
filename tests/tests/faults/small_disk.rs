//! A file system of a fixed size, for tests in which a disk is full.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

/// See the module. Dropping this unmounts it.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it in a new folder of this name. `None` where this
    /// is not root, because only root can mount.
    pub fn mount(folder: &Path, name: &str, mib: u32) -> Option<Self> {
        if !geteuid().is_root() {
            println!("NOT RUN: this test mounts a small file system, which only root can do");
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has to run this test, as root");
            return None;
        }
        let at = folder.join(name);
        fs::create_dir(&at).unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m,mode=755"), "food-orders-test"], &at)
            .unwrap_or_else(|cause| {
                panic!("a small file system cannot be mounted, although this is root: {cause}")
            });
        Some(Self(at))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it to the owner of this file.
    pub fn give_to_owner_of(&self, file: &Path) {
        let owner = fs::metadata(file).unwrap();
        chown(&self.0, Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    pub fn grow(&self, mib: u32) {
        run("mount", &["-o", &format!("remount,size={mib}m")], &self.0).unwrap();
    }

    /// Writes a file of zeros that takes all the room there is left.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.0.join("ballast")).unwrap();
        let error = io::copy(&mut io::repeat(0), &mut file).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    }

    pub fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: it disappears once the server has closed its files.
        let _ = run("umount", &["-l"], &self.0);
    }
}

fn run(program: &str, arguments: &[&str], at: &Path) -> io::Result<()> {
    let output = Command::new(program).args(arguments).arg(at).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr)))
    }
}
