//! The repository's text files.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

pub struct File {
    /// From the root of the repository.
    pub path: String,
    pub text: String,
}

impl File {
    pub fn has_extension(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, ending)| ending == extension)
    }

    /// The name without its folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The folder, without a slash at its end; empty at the root.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// The path from the root that a path from a folder means, with `..` taken away.
pub fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// What `git` prints when it is run at the root. The repository may belong to another user, as in a container.
pub fn git(arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("git");
    command.current_dir(root()).args(["-c", "safe.directory=*"]).args(arguments);
    let output = command.output().expect("git must be installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// All files that git tracks, and new ones that it does not ignore: a rule holds before the commit, too.
pub fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let list = git(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let list = String::from_utf8(list).unwrap();
        let paths = list.split_terminator('\0').map(str::to_owned);
        // A file that was deleted and is not committed yet is still listed.
        let existing = paths.filter(|path| root().join(path).is_file());
        existing
            .map(|path| File { text: std::fs::read_to_string(root().join(&path)).expect(&path), path })
            .collect()
    })
}
