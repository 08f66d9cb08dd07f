//! Graphite's events API, where dashboards find what people noted.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::json;

/// How long it may take: a dashboard that is down must not hold up whoever notes something.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Nanoseconds of a second.
const SECOND_NS: i64 = 1_000_000_000;

/// Tell the Graphite server at this address of an event. Returns `sent`, or `failed: …`.
pub(crate) async fn send(
    url: &str,
    run: &str,
    text: &str,
    (tags, unix_ns): (&[String], i64),
) -> String {
    match post(url, run, text, (tags, unix_ns)).await {
        Ok(()) => "sent".to_owned(),
        Err(reason) => {
            tracing::warn!("Graphite was not told of an annotation: {reason}");
            format!("failed: {reason}")
        }
    }
}

async fn post(
    url: &str,
    run: &str,
    text: &str,
    (tags, unix_ns): (&[String], i64),
) -> Result<(), String> {
    let mut words = vec!["lt-host".to_owned(), run.to_owned()];
    words.extend(tags.iter().cloned());
    let event = json!({
        "what": text,
        "tags": words,
        "when": unix_ns.div_euclid(SECOND_NS),
        "data": format!("run {run}"),
    });
    let url = format!("{}/events/", url.trim_end_matches('/'));
    let client = client().ok_or("the host has no HTTP client")?;
    let body = event.to_string();
    let request = client.post(url).header("content-type", "application/json");
    // The address stays with the host: it may hold a password.
    let answer = request.body(body).send().await;
    let answer = answer.map_err(|error| error.without_url().to_string())?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(format!("the server answered {}", answer.status()))
    }
}

/// One client for the process: it keeps its connections.
fn client() -> Option<&'static reqwest::Client> {
    static CLIENT: OnceLock<Option<reqwest::Client>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        let builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // The address is the operator's: what the environment says of proxies is for other programs.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        builder
            .build()
            .map_err(|error| tracing::error!("no HTTP client: {error}"))
            .ok()
    });
    client.as_ref()
}
