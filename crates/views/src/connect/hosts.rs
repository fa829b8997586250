//! Several hosts: one after the other, with a limit for each. The driver limits only how long it takes to reach a
//! host, so a host that accepts connections and never answers would keep it for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postgres_native_tls::MakeTlsConnector;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host, LoadBalanceHosts};
use tokio_postgres::{Client, Config, Error};

/// How long one host may take, and one of its addresses, unless the URL says otherwise.
pub(super) const HOST_LIMIT: Duration = Duration::from_secs(5);

/// A client with the task that drives its connection.
pub(super) type Opened = (Client, JoinHandle<()>);

/// Opens connections, beginning with the host that answered last. All clones share that knowledge.
#[derive(Clone)]
pub(super) struct Hosts {
    tls: MakeTlsConnector,
    limit: Duration,
    first: Arc<AtomicUsize>,
}

impl Hosts {
    /// `limit`: how long one host may take, and one of its addresses.
    pub(super) fn new(tls: MakeTlsConnector, limit: Duration) -> Self {
        Self { tls, limit, first: Arc::default() }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn tls(&self) -> MakeTlsConnector {
        self.tls.clone()
    }

    pub(super) async fn connect(&self, config: &Config) -> Result<Opened, Error> {
        let hosts = single_hosts(config);
        if hosts.is_empty() || config.get_load_balance_hosts() != LoadBalanceHosts::Disable {
            return self.open(config).await;
        }
        let first = self.first.load(Ordering::Relaxed);
        let mut result = None;
        for number in 0..hosts.len() {
            let host = (first + number) % hosts.len();
            let asked = Asked { hosts: self, host, of: hosts.len() };
            match timeout(self.limit, self.open(&hosts[host])).await {
                Ok(Ok(opened)) => {
                    asked.has_answered();
                    return Ok(opened);
                }
                Ok(Err(error)) => result = Some(Err(error)),
                Err(_) => {}
            }
        }
        match result {
            Some(result) => result,
            // None has answered; the caller has a limit for all of them.
            None => self.open(&hosts[first % hosts.len()]).await,
        }
    }

    async fn open(&self, config: &Config) -> Result<Opened, Error> {
        let (client, connection) = config.connect(self.tls.clone()).await?;
        let driver = tokio::spawn(async move {
            // The client's next call reports the error to its caller.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a database connection ended");
            }
        });
        Ok((client, driver))
    }
}

/// A host that was asked for a connection. If it is dropped before the host has answered, because of an error, a
/// limit or a caller that gave up, then others begin with the next host, unless they know better by now.
struct Asked<'a> {
    hosts: &'a Hosts,
    host: usize,
    of: usize,
}

impl Asked<'_> {
    fn has_answered(self) {
        self.hosts.first.store(self.host, Ordering::Relaxed);
        std::mem::forget(self);
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let next = (self.host + 1) % self.of;
        let _ = self.hosts.first.compare_exchange(self.host, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// The same configuration for each host alone; empty if there is only one.
fn single_hosts(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    if hosts.len() < 2 {
        return Vec::new();
    }
    let single = |(index, host): (usize, &Host)| {
        let mut single = without_hosts(config);
        match host {
            Host::Tcp(name) => single.host(name),
            Host::Unix(path) => single.host_path(path),
        };
        if let Some(address) = addresses.get(index) {
            single.hostaddr(*address);
        }
        // One port may serve all hosts.
        if let Some(port) = ports.get(index).or(ports.first()) {
            single.port(*port);
        }
        single
    };
    hosts.iter().enumerate().map(single).collect()
}

fn without_hosts(config: &Config) -> Config {
    let mut single = Config::new();
    config.get_user().map(|user| single.user(user));
    config.get_password().map(|password| single.password(password));
    config.get_dbname().map(|name| single.dbname(name));
    config.get_options().map(|options| single.options(options));
    config.get_application_name().map(|name| single.application_name(name));
    config.get_connect_timeout().map(|limit| single.connect_timeout(*limit));
    config.get_tcp_user_timeout().map(|limit| single.tcp_user_timeout(*limit));
    config.get_keepalives_interval().map(|interval| single.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| single.keepalives_retries(retries));
    single
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding());
    single
}
