//! What `up` prints once everything runs.

use std::net::SocketAddr;

use super::state::State;

pub fn print(state: &State, api: SocketAddr, token: &str) {
    let (kafka, postgres) = (&state.kafka, &state.postgres);
    output::say!("");
    output::say!("food-orders is running:");
    output::say!("  HTTP API    http://{api}  (documentation: http://{api}/docs)");
    output::say!("  Kafka       {}  ({})", kafka.address, kafka.version);
    if let Some(zookeeper) = &state.zookeeper {
        output::say!("  ZooKeeper   {}  ({})", zookeeper.address, zookeeper.version);
    }
    output::say!("  PostgreSQL  {}  ({})", postgres.address, postgres.version);
    if let Some(registry) = &state.registry {
        output::say!("  Registry    {}  ({})", registry.address, registry.version);
    }
    output::say!("  Admin token {token}  (POST needs it: Authorization: Bearer ...)");
    if let Some(logs) = state.services.first().and_then(|service| service.log.parent()) {
        output::say!("  Logs        {}", logs.display());
    }
    output::say!("Try in another terminal:");
    output::say!("  curl -s 'http://{api}/orders?limit=3'");
    output::say!("  ./food-orders psql -c 'SELECT status, count(*) FROM orders GROUP BY status'");
    output::say!(
        "  ./food-orders kafka console-consumer --topic {} --from-beginning --max-messages 3",
        state.topic
    );
    output::say!("  ./food-orders rebuild");
    output::say!("Ctrl-C stops everything; the data is kept.");
}
