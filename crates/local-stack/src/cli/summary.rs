//! What `up` prints once everything runs.

use std::net::SocketAddr;

use super::state::State;

pub fn print(state: &State, api: SocketAddr, token: &str) {
    output::say!("");
    output::say!("food-orders is running.");
    output::say!("  HTTP API    http://{api}  (documentation: http://{api}/docs)");
    output::say!("  Kafka       {}  ({})", state.kafka.address, state.kafka.version);
    output::say!("  PostgreSQL  {}  ({})", state.postgres.address, state.postgres.version);
    output::say!("  Admin token {token}  (POST needs it: Authorization: Bearer ...)");
    if let Some(logs) = state.services.first().and_then(|service| service.log.parent()) {
        output::say!("  Logs        {}", logs.display());
    }
    output::say!("");
    output::say!("Try these in another terminal:");
    output::say!("  curl -s 'http://{api}/orders?limit=3'");
    output::say!(
        "  ./food-orders kafka console-consumer --topic food-orders --from-beginning --max-messages 5"
    );
    output::say!(
        "  curl -s -X POST -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{{\"view\":\"orders\"}}' http://{api}/rebuilds"
    );
    output::say!("");
    output::say!("Ctrl-C stops everything; the data is kept.");
}
