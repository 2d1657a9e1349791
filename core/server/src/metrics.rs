//! Figures for Prometheus, on an address of their own.

use std::convert::Infallible;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::config::{Connections, Metrics};
use crate::error::ServerError;
use crate::listener::Listener;

/// Upper ends of the buckets of durations, in seconds.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// How often what was measured is folded into the buckets.
const UPKEEP: Duration = Duration::from_secs(5);
/// Who reads figures comes alone.
const READERS: Connections = Connections {
    total: 16,
    per_address: 8,
};

/// Starts measuring, and answers `/metrics` until `stopping`.
///
/// # Errors
/// Where somebody chose an address that is not free. The default one may be taken: two portals on one machine are no
/// mistake.
pub(crate) async fn start(config: Metrics, stopping: &CancellationToken) -> Result<(), ServerError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| ServerError::Start(format!("cannot measure: {error}")))?;
    let listener = match Listener::bind(config.bind, READERS).await {
        Ok(listener) => listener,
        Err(error) if !config.chosen => {
            tracing::warn!(%error, "no figures: the address is taken; set metrics.bind to another one");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let answer = handle.clone();
    let service = tower::service_fn(move |request: Request<_>| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(figures(&answer, request.method(), request.uri().path())) }
    });
    tokio::spawn(listener.serve(service, stopping.clone()));
    tokio::spawn(fold(handle, stopping.clone()));
    Ok(())
}

async fn fold(handle: PrometheusHandle, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

fn figures(handle: &PrometheusHandle, method: &Method, path: &str) -> Response<String> {
    let mut response = Response::new(String::new());
    if path != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if method != Method::GET {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    } else {
        *response.body_mut() = handle.render();
        response.headers_mut().insert(
            CONTENT_TYPE,
            http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        );
    }
    response
}
