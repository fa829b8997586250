//! The addresses at which the brokers say that they are (`advertised.listeners`). A client connects to these, once a
//! broker of `bootstrap.servers` has named them.

use std::fmt;

use rdkafka::metadata::{Metadata, MetadataBroker};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advertised(Vec<String>);

impl Advertised {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self(metadata.brokers().iter().map(address).collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Advertised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn address(broker: &MetadataBroker) -> String {
    let (host, port) = (broker.host(), broker.port());
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
