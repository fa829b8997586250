//! In which mode and with how many brokers the data in a folder was made, and under which cluster id.

use std::fs;
use std::path::Path;

use super::cluster_id::new_cluster_id;
use crate::error::{Attempt, DataFolderError, Result};
use crate::kafka_mode::KafkaMode;

const NAME: &str = "cluster.properties";

/// The content of the file. A single broker of KRaft mode has none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClusterFile {
    pub mode: KafkaMode,
    pub brokers: u16,
    /// The cluster id, which all brokers must share. It is not recorded for a single broker.
    pub cluster_id: Option<String>,
}

impl ClusterFile {
    /// Makes sure that the folder has no data, or data that was made in this mode with this number of brokers.
    /// `None` for a single broker of KRaft mode. For others, the file is written before any data, so that a
    /// first start that was interrupted can be repeated.
    pub fn require(folder: &Path, mode: KafkaMode, brokers: u16) -> Result<Option<Self>> {
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
            Some(file) => Some((file.mode, file.brokers)),
            None => folder.join("data").exists().then_some((KafkaMode::Kraft, 1)),
        };
        if let Some((found, _)) = found.filter(|(found, _)| *found != mode) {
            let (folder, found, wanted) = (folder.to_owned(), found.name(), mode.name());
            return Err(DataFolderError::OtherMode { folder, found, wanted }.into());
        }
        if let Some((_, found)) = found.filter(|(_, found)| *found != brokers) {
            let folder = folder.to_owned();
            return Err(DataFolderError::OtherBrokerCount { folder, found, wanted: brokers }.into());
        }
        if file.is_some() || (mode, brokers) == (KafkaMode::Kraft, 1) {
            return Ok(file);
        }
        let file = Self { mode, brokers, cluster_id: (brokers > 1).then(new_cluster_id) };
        fs::create_dir_all(folder).attempt_on("creating", folder)?;
        let new = folder.join("cluster.properties.new");
        fs::write(&new, file.text()).attempt_on("writing", &new)?;
        fs::rename(&new, &path).attempt_on("writing", &path)?;
        Ok(Some(file))
    }

    fn text(&self) -> String {
        let cluster_id = self.cluster_id.iter().map(|id| format!("cluster.id={id}\n")).collect::<String>();
        format!("mode={}\nbrokers={}\n{cluster_id}", self.mode.name(), self.brokers)
    }

    /// A file without a mode was written before there were two.
    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let mode = value("mode").map_or(Some(KafkaMode::Kraft), KafkaMode::parse)?;
        let (brokers, cluster_id) = (value("brokers")?.parse().ok()?, value("cluster.id").map(str::to_owned));
        (cluster_id.is_some() || brokers == 1).then_some(Self { mode, brokers, cluster_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn require(folder: &Path, brokers: u16) -> Result<Option<ClusterFile>> {
        ClusterFile::require(folder, KafkaMode::Kraft, brokers)
    }

    #[test]
    fn the_number_of_brokers_and_the_cluster_id_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kafka = folder.path().join("kafka");
        let first = require(&kafka, 3).unwrap().unwrap();
        assert_eq!((first.brokers, first.cluster_id.as_ref().map(String::len)), (3, Some(22)));
        assert_eq!(require(&kafka, 3).unwrap().unwrap(), first);
        for other in [1, 5] {
            let error = require(&kafka, other).unwrap_err().to_string();
            assert!(error.contains("--brokers 3") && error.contains("reset"), "{error}");
        }
    }

    #[test]
    fn the_data_of_a_single_broker_is_not_taken_for_that_of_several() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        assert_eq!(require(folder.path(), 1).unwrap(), None);
        let error = require(folder.path(), 3).unwrap_err().to_string();
        assert!(error.contains("made with --brokers 1"), "{error}");
        assert!(!folder.path().join(NAME).exists());
    }

    #[test]
    fn the_data_of_one_mode_is_not_started_in_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let (kraft, zookeeper) = (folder.path().join("kraft"), folder.path().join("zookeeper"));
        fs::create_dir_all(kraft.join("data")).unwrap();
        let file = ClusterFile::require(&zookeeper, KafkaMode::ZooKeeper, 1).unwrap();
        assert_eq!(file.as_ref().map(|file| &file.cluster_id), Some(&None), "ZooKeeper keeps it");
        assert_eq!(ClusterFile::require(&zookeeper, KafkaMode::ZooKeeper, 1).unwrap(), file);
        for (folder, made, asked) in
            [(&kraft, "kraft", KafkaMode::ZooKeeper), (&zookeeper, "zookeeper", KafkaMode::Kraft)]
        {
            let error = ClusterFile::require(folder, asked, 1).unwrap_err().to_string();
            assert!(
                error.contains(&format!("Start with --kafka {made}")) && error.contains("reset"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_cluster_from_before_the_modes_is_in_kraft_mode() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "cluster.id=Mk3OEYBSD34fcwNTJENDMg\nbrokers=3\n").unwrap();
        let file = require(folder.path(), 3).unwrap().unwrap();
        assert_eq!(file.cluster_id.as_deref(), Some("Mk3OEYBSD34fcwNTJENDMg"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["brokers=many\n", "brokers=3\n", "mode=docker\nbrokers=1\n"] {
            fs::write(folder.path().join(NAME), text).unwrap();
            assert!(require(folder.path(), 3).is_err(), "{text}");
        }
    }
}
