//! How much room the disk of the database has, where that can be known.

use nix::sys::statvfs::statvfs;

/// What an ordinary user may still write to the file system of the data directory. Known
/// only if the server runs on this machine, its settings may be read, and its folder is
/// visible to this process.
pub(super) fn bytes(data_directory: Option<&str>) -> Option<u64> {
    let file_system = statvfs(data_directory?).ok()?;
    Some(file_system.blocks_available() * file_system.fragment_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_a_folder_that_is_not_visible_is_unknown() {
        assert!(bytes(Some("/")).is_some());
        assert_eq!(bytes(Some("/no/such/folder")), None);
        assert_eq!(bytes(None), None);
    }
}
