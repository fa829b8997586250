//! Room for a build, where it can be known.

use nix::sys::statvfs::statvfs;

/// Bytes that an ordinary user may still write on the file system of the data
/// directory. Known only where the server runs on this machine, its settings may be
/// read, and its folder may be seen.
pub(crate) fn free_bytes(data_directory: Option<&str>) -> Option<u64> {
    let found = statvfs(data_directory?).ok()?;
    Some(found.blocks_available() * found.fragment_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_unknown() {
        assert!(free_bytes(Some("/")).is_some());
        assert_eq!(free_bytes(Some("/no/such/folder")), None);
        assert_eq!(free_bytes(None), None);
    }
}
