//! What `up` prints once everything runs.

use std::net::SocketAddr;

use super::state::State;

pub fn print(state: &State, api: SocketAddr, token: &str) {
    println!();
    println!("food-orders is running.");
    println!("  HTTP API    http://{api}  (documentation: http://{api}/docs)");
    println!("  Kafka       {}  ({})", state.kafka.address, state.kafka.version);
    println!("  PostgreSQL  {}  ({})", state.postgres.address, state.postgres.version);
    println!("  Admin token {token}  (POST needs it: Authorization: Bearer ...)");
    if let Some(logs) = state.services.first().and_then(|service| service.log.parent()) {
        println!("  Logs        {}", logs.display());
    }
    println!();
    println!("Try these in another terminal:");
    println!("  curl -s 'http://{api}/orders?limit=3'");
    println!("  ./food-orders kafka console-consumer --topic food-orders --from-beginning --max-messages 5");
    println!(
        "  curl -s -X POST -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{{\"view\":\"orders\"}}' http://{api}/rebuilds"
    );
    println!();
    println!("Ctrl-C stops everything; the data is kept.");
}
