//! Formats a new data folder, by Kafka's own tool.

use std::fs;
use std::process::Stdio;

use super::NAME;
use super::cluster_id::new_cluster_id;
use super::node::Node;
use crate::error::{Attempt, DataFolderError, Result};
use crate::server::excerpt;

/// Does nothing where the data folder exists. A new one is formatted under another name and then renamed, so
/// that an interrupted start leaves no half-formatted folder. Without a cluster id, it gets a new one.
pub(super) fn format_once(node: &Node, cluster_id: Option<&str>) -> Result<()> {
    const MARK: &str = "meta.properties";
    let data = node.data();
    if data.join(MARK).exists() {
        return Ok(());
    }
    if data.exists() {
        return Err(DataFolderError::Foreign { server: NAME, folder: data, missing: MARK }.into());
    }
    let unfinished = node.folder().join("data.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).attempt_on("removing", &unfinished)?;
    }
    let settings = node.folder().join("format.properties");
    let text = fs::read_to_string(node.properties()).attempt_on("reading", &node.properties())?;
    fs::write(&settings, format!("{text}\nlog.dirs={}\n", unfinished.display()))
        .attempt_on("writing", &settings)?;
    let log = node.folder().join("format.log");
    let cluster_id = cluster_id.map_or_else(new_cluster_id, str::to_owned);
    let output = node
        .java(256, &log)
        .arg("-XX:TieredStopAtLevel=1")
        .args(["kafka.tools.StorageTool", "format", "--cluster-id", &cluster_id, "--config"])
        .arg(&settings)
        .stdin(Stdio::null())
        .output()
        .attempt("running Kafka's StorageTool")?;
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr);
        return Err(DataFolderError::NotCreated {
            server: NAME,
            folder: unfinished,
            tool: "StorageTool",
            status: output.status,
            output: format!("{} {}", printed.trim(), excerpt(&log)),
        }
        .into());
    }
    fs::rename(&unfinished, &data).attempt_on("creating", &data)
}
