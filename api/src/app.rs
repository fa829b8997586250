//! The application: built first, then run until stopped.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware;
use dead_letters::Desk;
use event_log::{EndsWatch, Heartbeat, KafkaSettings};
use service::{Exit, Failure, Health, Metrics};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use views::Database;
use views::read::Reader;

use crate::auth::AdminToken;
use crate::connections;
use crate::lag::POLL_EACH;
use crate::observe;
use crate::openapi;
use crate::problem::Problem;
use crate::rebuilds::Rebuilds;
use crate::settings::Settings;
use crate::start;
use crate::state::AppState;

/// How long a read waits for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(1);
/// How long one statement of a read may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The watch of the end offsets hangs if it makes no step for so long: its requests take up to 5 s each.
const END_OFFSETS_LIMIT: Duration = Duration::from_secs(60);

/// Bound, not yet serving.
pub struct App {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    state: AppState,
    health: Health,
    database: Database,
    kafka: KafkaSettings,
}

impl App {
    /// Takes the address; connects to nothing yet.
    pub async fn bind(settings: &Settings, health: Health, metrics: Metrics) -> Result<Self, Failure> {
        let Settings { database, kafka, codec, .. } = settings.clone();
        let reader = Reader::new(&database, settings.connections, POOL_WAIT, STATEMENT_TIMEOUT)?;
        let admin = AdminToken(settings.admin_token.clone());
        let desk = Desk { database: database.clone(), kafka: kafka.clone(), codec: codec.clone() };
        let rebuilds = Rebuilds::new(rebuild::Settings {
            database: database.clone(),
            codec,
            kafka: kafka.clone(),
            process: "api".into(),
        });
        let state = AppState::new(reader, health.clone(), admin, rebuilds, desk);
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
            let reason = format!("is {}, which cannot be listened on: {error}", settings.listen);
            service::Invalid::new("API_LISTEN", reason)
        })?;
        let address = listener.local_addr()?;
        let router = router(state.clone(), health.clone(), metrics);
        Ok(Self { listener, address, router, state, health, database, kafka })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then finishes what was begun, for at most `drain`.
    pub async fn run(self, stop: CancellationToken, drain: Duration) -> Result<(), Failure> {
        // Ends the parts that have no end of their own, whichever way this function ends.
        let _ended = stop.clone().drop_guard();
        let health = self.health.clone();
        let beat = Heartbeat::new(move || health.beat("end offsets", END_OFFSETS_LIMIT));
        let ends = EndsWatch::start(&self.kafka, POLL_EACH, beat)?;
        tracing::info!(address = %self.address, database = %self.database, "listening");
        let serving = connections::serve(self.listener, self.router, stop.clone(), drain);
        let watching = start::start_and_watch(&self.database, &self.health, &self.state);
        let resting = async {
            stop.cancelled().await;
            self.state.rebuilds.rest().await;
        };
        tokio::select! {
            // Requests and rebuilds come to rest side by side.
            ((), ()) = async { tokio::join!(serving, resting) } => Ok(()),
            Err(failure) = watching => Err(failure),
            () = self.state.lag.follow(ends) => {
                Err(Failure::new(Exit::Unexpected, "the ends of the log are no longer polled"))
            }
            never = self.state.topic.follow(&self.kafka) => never,
        }
    }
}

fn router(state: AppState, health: Health, metrics: Metrics) -> Router {
    openapi::documented_routes(state)
        .merge(service::http::routes(health, metrics))
        .fallback(async |uri: axum::http::Uri| {
            Problem::not_found(format!("there is nothing at {:?}; see /docs", uri.path()))
        })
        .method_not_allowed_fallback(async |method: Method| Problem::method_not_allowed(&method))
        // Bodies are read, with a limit, where one is expected.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(observe::deadline))
        .layer(middleware::from_fn(observe::observe))
}
