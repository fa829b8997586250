//! Line ends are LF in every checkout: bash does not run a script with others, and a migration is known by its bytes.

use std::path::Path;
use std::process::Command;

use crate::tree::{self, git};

#[test]
fn no_file_has_carriage_returns() {
    let with: Vec<_> =
        tree::files().iter().filter(|file| file.text.contains('\r')).map(|file| &file.path).collect();
    assert!(with.is_empty(), "{with:?} have line ends other than LF");
}

/// A checkout by a git that is set to make CRLF of every line end, as is usual on Windows.
fn check_out(to: &Path) {
    let prefix = format!("--prefix={}/", to.display());
    git(&["-c", "core.autocrlf=true", "-c", "core.eol=crlf", "checkout-index", "--all", &prefix]);
}

#[test]
fn a_checkout_with_autocrlf_has_the_same_bytes_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    check_out(folder.path());
    let list = String::from_utf8(git(&["ls-files", "-z"])).unwrap();
    let mut migrations = 0;
    for path in list.split_terminator('\0') {
        let checked_out = std::fs::read(folder.path().join(path)).expect(path);
        assert!(
            !checked_out.contains(&b'\r'),
            "{path} is checked out with other line ends; .gitattributes must name it"
        );
        if path.starts_with("migrations/") {
            assert_eq!(checked_out, git(&["cat-file", "blob", &format!(":{path}")]), "{path}");
            migrations += 1;
        }
    }
    assert!(migrations > 0, "no migration was compared");
    let help = Command::new(folder.path().join("food-orders")).arg("help").output().unwrap();
    assert!(help.status.success(), "{}", String::from_utf8_lossy(&help.stderr));
    assert!(String::from_utf8_lossy(&help.stdout).starts_with("Usage: ./food-orders"));
}
