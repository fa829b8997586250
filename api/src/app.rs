//! The application: built first, then run until stopped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware;
use dead_letters::Operator;
use event_log::{EndsWatch, Heartbeat, KafkaSettings};
use schema_registry::SchemaLookup;
use service::{Exit, Failure, Health, Metrics};
use tokio::net::TcpListener;
use tokio_native_tls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use views::Database;
use views::read::Reader;

use crate::auth;
use crate::compress::{self, Compressors};
use crate::conditional;
use crate::connections;
use crate::lag::READ_INTERVAL;
use crate::large_answers::{self, Budget};
use crate::observe;
use crate::openapi;
use crate::prefix;
use crate::problem::Problem;
use crate::rebuilds::Rebuilds;
use crate::routes;
use crate::settings::Settings;
use crate::start;
use crate::state::AppState;

/// How long a read waits for a free connection.
const CONNECTION_WAIT_LIMIT: Duration = Duration::from_secs(1);
/// How long one statement of a read may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// If the watch of the end offsets makes no step for this long, the process is no longer live. Each of its requests
/// may take 5 s.
const END_OFFSETS_OVERDUE_AFTER: Duration = Duration::from_secs(60);

/// The application, bound to its address and not yet serving.
pub struct App {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
    router: Router,
    state: AppState,
    database: Database,
    kafka: KafkaSettings,
}

impl App {
    /// Binds the address. Does not connect to any server yet.
    pub async fn bind(settings: &Settings, health: Health, metrics: Metrics) -> Result<Self, Failure> {
        let Settings { database, kafka, codec, registry, .. } = settings.clone();
        let reader = Reader::new(&database, settings.connections, CONNECTION_WAIT_LIMIT, STATEMENT_TIMEOUT)?;
        let schemas = SchemaLookup::new(&codec.schemas, &database, registry);
        // A retry asks the registry again about what a rebuild has found to be unknown, so each has schemas of its own.
        let retrying = codec.apart();
        let operator = Operator {
            database: database.clone(),
            kafka: kafka.clone(),
            schemas: schemas.apart(&retrying.schemas),
            codec: retrying,
        };
        let rebuilds = Rebuilds::new(rebuild::Settings {
            database: database.clone(),
            codec,
            schemas,
            kafka: kafka.clone(),
            process: "api".into(),
        });
        let state = AppState::new(reader, health, metrics, settings.tokens.clone(), rebuilds, operator);
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
            let reason = format!("is {}, which cannot be listened on: {error}", settings.listen);
            service::Invalid::new("API_LISTEN", reason)
        })?;
        let address = listener.local_addr()?;
        let router = router(state.clone(), settings.cors.clone());
        Ok(Self { listener, tls: settings.tls.clone(), address, router, state, database, kafka })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then finishes the requests in flight within `drain`. Fails if a task ends before `stop`.
    pub async fn run(self, stop: CancellationToken, drain: Duration) -> Result<(), Failure> {
        // Whichever way this function ends, the tasks that it spawned end with it.
        let _ended = stop.clone().drop_guard();
        let health = self.state.health.clone();
        let beat = Heartbeat::new(move || health.beat("end-offset watch", END_OFFSETS_OVERDUE_AFTER));
        let ends = EndsWatch::start(&self.kafka, READ_INTERVAL, beat)?;
        tracing::info!(address = %self.address, database = %self.database, "listening");
        let Self { listener, tls, router, state, database, kafka, .. } = self;
        let serving = async {
            connections::serve(listener, tls, router, stop.clone(), drain).await?;
            if stop.is_cancelled() { Ok(()) } else { Err(ended_early("the HTTP server")) }
        };
        let pausing = async {
            stop.cancelled().await;
            state.rebuilds.pause().await;
            Ok(())
        };
        let watching = async {
            let limit = state.operator.codec.max_record_bytes;
            start::migrate(&database, limit, &state.health).await?;
            tokio::select! {
                never = start::watch_database(&state) => never,
                never = state.rebuilds.adopt(&state.health) => never,
            }
        };
        tokio::select! {
            // Requests are drained while rebuilds are paused.
            done = async { tokio::try_join!(serving, pausing) } => done.map(|((), ())| ()),
            Err::<Infallible, _>(failure) = watching => Err(failure),
            () = state.lag.follow(ends) => Err(ended_early("the thread that reads the ends of the log")),
            never = state.topic.follow(&kafka, &state.health) => never,
        }
    }
}

fn ended_early(task: &str) -> Failure {
    Failure::new(Exit::Unexpected, format!("{task} ended although nothing had stopped it"))
}

fn router(state: AppState, cors: Option<CorsLayer>) -> Router {
    let tokens = state.tokens.clone();
    let router = openapi::describe(routes::routes().with_state(state))
        .fallback(async |uri: axum::http::Uri| {
            Problem::not_found(format!("the path {:?} does not exist; see /docs", uri.path()))
        })
        .method_not_allowed_fallback(async |method: Method| Problem::method_not_allowed(&method))
        // The routes that expect a body read it with limits of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(conditional::not_modified))
        .layer(middleware::from_fn_with_state(Compressors::default(), compress::gzip))
        .layer(middleware::from_fn_with_state(Budget::default(), large_answers::bound))
        .layer(middleware::from_fn(observe::deadline))
        .layer(middleware::from_fn_with_state(tokens, auth::require_reader))
        .layer(middleware::from_fn(prefix::add));
    // A browser asks for permission before it sends a token.
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(middleware::from_fn(observe::observe))
}
