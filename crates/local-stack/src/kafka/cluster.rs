//! Several brokers that form one cluster. Each is also a controller, so that a majority of the nodes keeps the
//! cluster alive.

use std::thread;

use super::cluster_file::ClusterFile;
use super::place::{Place, cluster_ports};
use super::{Kafka, KafkaOptions, NAME, archive_classes, prepare_folder};
use crate::downloads::Downloads;
use crate::error::{Error, Result};
use crate::ports;

/// How often a cluster on free ports is started again because another program took one of them first.
const FREE_PORT_ATTEMPTS: u32 = 3;

/// A running cluster of brokers, numbered from 1 on. Dropping it stops them.
#[derive(Debug)]
pub struct KafkaCluster {
    brokers: Vec<Kafka>,
}

impl KafkaCluster {
    /// Starts this many brokers, 1 or an odd number, and returns when all accept requests. One alone is
    /// [`Kafka`], with its data in `options.data_dir` itself. Several listen on successive ports and keep
    /// their data in the folders `node-1`, `node-2` and so on. Data that was made with another number of
    /// brokers or in another mode is refused.
    pub fn start(downloads: &Downloads, options: &KafkaOptions, brokers: u16) -> Result<Self> {
        Self::start_with(downloads, options, brokers, |_| Vec::new())
    }

    /// The same, with further settings for each node, by its number. `@PORT@` and `@CONTROLLER_PORT@` in them
    /// stand for the ports of the node.
    pub fn start_with(
        downloads: &Downloads,
        options: &KafkaOptions,
        brokers: u16,
        more: impl Fn(u16) -> Vec<(String, String)>,
    ) -> Result<Self> {
        options.mode.require_brokers(brokers)?;
        let file = ClusterFile::require(&options.data_dir, options.mode, brokers)?;
        let Some(cluster_id) = file.and_then(|file| file.cluster_id) else {
            let mut options = options.clone();
            options.settings.extend(more(1));
            return Ok(Self { brokers: vec![Kafka::start(downloads, &options)?] });
        };
        archive_classes::ensure_archive(downloads);
        let nodes: Vec<KafkaOptions> = (1..=brokers)
            .map(|node| {
                let mut options = options.clone();
                options.settings.extend(more(node));
                options.data_dir = options.data_dir.join(format!("node-{node}"));
                options
            })
            .collect();
        for node in &nodes {
            prepare_folder(&node.data_dir)?;
        }
        let mut attempts = 1;
        loop {
            let ports = cluster_ports(options.port, brokers)?;
            if options.port != 0 {
                for ports in &ports {
                    ports::require_free(NAME, ports.broker, options.port_setting)?;
                }
            }
            let place = |node| Place { node, ports: ports.clone(), zookeeper: None };
            let places = (1..=brokers).map(place).collect::<Vec<_>>();
            let taken = || ports.iter().any(|ports| ports::require_free(NAME, ports.broker, "").is_err());
            match start_all(downloads, &nodes, places, &cluster_id) {
                Err(Error::NotStarted { .. })
                    if options.port == 0 && attempts < FREE_PORT_ATTEMPTS && taken() =>
                {
                    attempts += 1;
                }
                brokers => return Ok(Self { brokers: brokers? }),
            }
        }
    }

    /// `127.0.0.1:PORT` of each broker, separated by commas, for clients.
    pub fn bootstrap_servers(&self) -> String {
        self.brokers.iter().map(Kafka::bootstrap_servers).collect::<Vec<_>>().join(",")
    }

    /// The brokers in the order of their numbers.
    pub fn brokers(&self) -> &[Kafka] {
        &self.brokers
    }

    /// The broker with this number, to kill, freeze or restart it.
    pub fn broker(&mut self, number: u16) -> &mut Kafka {
        &mut self.brokers[usize::from(number) - 1]
    }

    /// Starts all brokers that do not run, together: a majority has to be there before one of them is ready.
    pub fn start_stopped(&mut self) -> Result<()> {
        let stopped = self.brokers.iter_mut().filter_map(|broker| (!broker.runs()).then_some(broker));
        each(stopped, "starts Kafka", Kafka::restart)
    }

    /// Why brokers or a ZooKeeper ended by themselves, those whose end has not been reported before.
    pub fn failures(&mut self) -> Vec<Error> {
        self.brokers.iter_mut().flat_map(Kafka::take_failures).collect()
    }

    /// Stops all brokers cleanly and together, and then a ZooKeeper. Of several brokers, the last one takes
    /// 5 s, because it waits for a majority.
    pub fn stop(&mut self) -> Result<()> {
        each(self.brokers.iter_mut(), "stops Kafka", Kafka::stop_with_zookeeper)
    }

    /// Sends SIGKILL to all brokers and to a ZooKeeper.
    pub fn kill(&mut self) -> Result<()> {
        each(self.brokers.iter_mut(), "kills Kafka", Kafka::kill_with_zookeeper)
    }
}

fn start_all(
    downloads: &Downloads,
    nodes: &[KafkaOptions],
    places: Vec<Place>,
    cluster_id: &str,
) -> Result<Vec<Kafka>> {
    let start = |(options, place): (&KafkaOptions, Place)| {
        Kafka::start_at(downloads, options, place, None, Some(cluster_id))
    };
    thread::scope(|scope| {
        let starting: Vec<_> =
            nodes.iter().zip(places).map(|node| scope.spawn(move || start(node))).collect();
        let started = starting
            .into_iter()
            .map(|start| start.join().unwrap_or(Err(Error::ThreadPanicked { task: "starts Kafka" })));
        // All are waited for before the first failure is returned.
        started.collect::<Vec<_>>().into_iter().collect()
    })
}

/// Calls each broker on a thread of its own, because the calls block for seconds.
fn each<'a>(
    brokers: impl Iterator<Item = &'a mut Kafka>,
    task: &'static str,
    call: impl Fn(&mut Kafka) -> Result<()> + Sync,
) -> Result<()> {
    thread::scope(|scope| {
        let call = &call;
        let running: Vec<_> = brokers.map(|broker| scope.spawn(move || call(broker))).collect();
        let done = running.into_iter().map(|one| one.join().unwrap_or(Err(Error::ThreadPanicked { task })));
        done.collect::<Vec<_>>().into_iter().collect()
    })
}

impl Drop for KafkaCluster {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}
