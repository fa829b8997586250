//! A node's place in its cluster: its number, the ports of all nodes and of ZooKeeper, and how often data is replicated.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::ports;

/// The ports of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodePorts {
    pub broker: u16,
    pub controller: u16,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// From 1 on.
    pub node: u16,
    /// The ports of all nodes, in the order of their numbers.
    pub ports: Vec<NodePorts>,
    /// The port of the ZooKeeper with the metadata; `None` in KRaft mode.
    pub zookeeper: Option<u16>,
}

impl Place {
    /// The only node of its cluster.
    pub fn alone(port: u16, zookeeper: Option<u16>) -> Result<Self> {
        let ports = vec![NodePorts { broker: port, controller: ports::free_port()? }];
        Ok(Self { node: 1, ports, zookeeper })
    }

    pub fn own_ports(&self) -> NodePorts {
        self.ports[usize::from(self.node) - 1]
    }

    /// "Kafka", or which one of several it is.
    pub fn name(&self) -> String {
        if self.ports.len() == 1 { super::NAME.to_owned() } else { format!("Kafka broker {}", self.node) }
    }

    /// `controller.quorum.voters`: every node is a controller.
    pub fn voters(&self) -> String {
        let voter =
            |(number, ports): (usize, &NodePorts)| format!("{}@127.0.0.1:{}", number + 1, ports.controller);
        self.ports.iter().enumerate().map(voter).collect::<Vec<_>>().join(",")
    }

    /// On how many brokers a partition is kept.
    pub fn replicas(&self) -> usize {
        self.ports.len().min(3)
    }

    /// How many replicas have to be in sync for a write with acks=all.
    pub fn in_sync(&self) -> usize {
        if self.replicas() < 3 { 1 } else { 2 }
    }
}

/// Ports for the nodes of a new cluster: from `first` on for clients, or any free ones if that is 0.
pub(super) fn cluster_ports(first: u16, brokers: u16) -> Result<Vec<NodePorts>> {
    let mut taken: BTreeSet<u16> = (0..brokers).map(|offset| first.saturating_add(offset)).collect();
    let mut free = || -> Result<u16> {
        loop {
            let port = ports::free_port()?;
            if taken.insert(port) {
                return Ok(port);
            }
        }
    };
    (0..brokers)
        .map(|offset| {
            let broker = if first == 0 { free()? } else { first.saturating_add(offset) };
            Ok(NodePorts { broker, controller: free()? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(brokers: u16) -> Place {
        Place { node: 1, ports: cluster_ports(9092, brokers).unwrap(), zookeeper: None }
    }

    #[test]
    fn brokers_listen_on_successive_ports_and_all_nodes_vote() {
        let place = place(3);
        assert_eq!(place.ports.iter().map(|ports| ports.broker).collect::<Vec<_>>(), [9092, 9093, 9094]);
        let [one, two, three] = [0, 1, 2].map(|node| place.ports[node].controller);
        assert_eq!(place.voters(), format!("1@127.0.0.1:{one},2@127.0.0.1:{two},3@127.0.0.1:{three}"));
    }

    #[test]
    fn three_brokers_can_lose_one() {
        let kept = |brokers| (place(brokers).replicas(), place(brokers).in_sync());
        assert_eq!([1, 3, 5].map(kept), [(1, 1), (3, 2), (3, 2)]);
    }

    #[test]
    fn no_two_nodes_share_a_port() {
        let ports = cluster_ports(0, 5).unwrap();
        let all: BTreeSet<u16> = ports.iter().flat_map(|ports| [ports.broker, ports.controller]).collect();
        assert_eq!(all.len(), 10);
    }
}
