//! The recorder behind the `metrics` macros, and its text for Prometheus.

use std::time::Duration;

use ::metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of histograms of seconds.
const SECONDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Bounds of histograms of counts, such as records in a batch.
const COUNTS: [f64; 9] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 10_000.0, 100_000.0];

/// Renders what was recorded. Histograms named `…_seconds` have bounds in seconds, all others in counts.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder of this process, of which there can be only one.
    pub fn install() -> Result<Self, BuildError> {
        let handle = builder()?.install_recorder()?;
        publish_build_info();
        Ok(Self(handle))
    }

    /// Creates a recorder that receives nothing, for tests that start several apps in one process.
    pub fn detached() -> Result<Self, BuildError> {
        Ok(Self(builder()?.build_recorder().handle()))
    }

    /// The text of `/metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Keeps memory bounded even if nobody reads the metrics. Never returns.
    pub async fn keep_up(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn publish_build_info() {
    describe_gauge!("food_orders_build_info", "Always 1; the version of the program is a label.");
    gauge!("food_orders_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets(&COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
}

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_carry_their_help() {
        let recorder = builder().unwrap().build_recorder();
        ::metrics::with_local_recorder(&recorder, publish_build_info);
        let text = recorder.handle().render();
        assert!(text.contains("# HELP food_orders_build_info Always 1;"), "{text}");
        assert!(text.contains("food_orders_build_info{version="), "{text}");
    }
}
