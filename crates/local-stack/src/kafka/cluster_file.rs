//! With how many brokers the data in a folder was made, and under which cluster id.

use std::fs;
use std::path::Path;

use super::cluster_id::new_cluster_id;
use crate::error::{Attempt, DataFolderError, Result};

const NAME: &str = "cluster.properties";

/// The content of the file, which only a cluster of several brokers has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClusterFile {
    pub cluster_id: String,
    pub brokers: u16,
}

impl ClusterFile {
    /// Makes sure that the folder has no data, or data that was made with this number of brokers. `None` for
    /// a single broker. For several, the file is written before any of them is formatted, so that a first
    /// start that was interrupted can be repeated.
    pub fn require(folder: &Path, brokers: u16) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let file = match fs::read_to_string(&path) {
            Ok(text) => Some(Self::parse(&text).ok_or_else(|| DataFolderError::Foreign {
                server: super::NAME,
                folder: folder.to_owned(),
                missing: "readable cluster.properties",
            })?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(e).attempt_on("reading", &path),
        };
        let found = match &file {
            Some(file) => Some(file.brokers),
            None => folder.join("data").exists().then_some(1),
        };
        if let Some(found) = found.filter(|found| *found != brokers) {
            let folder = folder.to_owned();
            return Err(DataFolderError::OtherBrokerCount { folder, found, wanted: brokers }.into());
        }
        if brokers == 1 || file.is_some() {
            return Ok(file);
        }
        let file = Self { cluster_id: new_cluster_id(), brokers };
        fs::create_dir_all(folder).attempt_on("creating", folder)?;
        let new = folder.join("cluster.properties.new");
        fs::write(&new, file.text()).attempt_on("writing", &new)?;
        fs::rename(&new, &path).attempt_on("writing", &path)?;
        Ok(Some(file))
    }

    fn text(&self) -> String {
        format!("cluster.id={}\nbrokers={}\n", self.cluster_id, self.brokers)
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Some(Self { cluster_id: value("cluster.id")?.to_owned(), brokers: value("brokers")?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_brokers_and_the_cluster_id_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kafka = folder.path().join("kafka");
        let first = ClusterFile::require(&kafka, 3).unwrap().unwrap();
        assert_eq!((first.brokers, first.cluster_id.len()), (3, 22));
        assert_eq!(ClusterFile::require(&kafka, 3).unwrap().unwrap(), first);
        for other in [1, 5] {
            let error = ClusterFile::require(&kafka, other).unwrap_err().to_string();
            assert!(error.contains("--brokers 3") && error.contains("reset"), "{error}");
        }
    }

    #[test]
    fn the_data_of_a_single_broker_is_not_taken_for_that_of_several() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        assert_eq!(ClusterFile::require(folder.path(), 1).unwrap(), None);
        let error = ClusterFile::require(folder.path(), 3).unwrap_err().to_string();
        assert!(error.contains("made with --brokers 1"), "{error}");
        assert!(!folder.path().join(NAME).exists());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "brokers=many\n").unwrap();
        assert!(ClusterFile::require(folder.path(), 3).is_err());
    }
}
