//! `/metrics`: the host and the runs under way, for Prometheus.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lt_report::prometheus::{CONTENT_TYPE, Exposition};
use lt_run::machine;

use crate::app::AppState;

/// The host and its runs, for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "host",
    responses((status = 200, description = "Text in the exposition format 0.0.4", content_type = "text/plain; version=0.0.4", body = String))
)]
pub(crate) async fn metrics(State(app): State<AppState>) -> Response {
    let mut page = Exposition::new();
    host(&mut page, &app);
    for entry in app.runs.under_way() {
        let (summary, scenario) = {
            let data = entry.data();
            let parts = data.kept.run.parts.iter();
            let names: Vec<&str> = parts.map(|part| part.name.as_str()).collect();
            (data.summary.clone(), names.join(","))
        };
        if let Some(summary) = summary {
            page.run(&[("run", &entry.id), ("scenario", &scenario)], &summary);
        }
    }
    let kind = HeaderValue::from_static(CONTENT_TYPE);
    ([(header::CONTENT_TYPE, kind)], page.finish()).into_response()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and sizes stay far below 2^53"
)]
fn host(page: &mut Exposition, app: &AppState) {
    let load = machine::generator_load();
    let taken = app.runs.taken();
    let limits = &app.config.limits;
    let (uploads, _) = app.uploads.taken();
    let gauges: [(&str, &str, f64); 9] = [
        ("host_runs", "Runs under way.", taken.runs as f64),
        (
            "host_runs_limit",
            "Runs that there may be at a time.",
            limits.runs_max as f64,
        ),
        (
            "host_users",
            "Users between join and leave, of all runs.",
            taken.users_active as f64,
        ),
        (
            "host_users_planned",
            "Users that the runs under way may have.",
            taken.users_planned as f64,
        ),
        (
            "host_users_limit",
            "Users that all runs together may have.",
            limits.users_max as f64,
        ),
        ("host_uploads", "Uploads under way.", uploads as f64),
        (
            "host_open_descriptors",
            "Files and sockets that are open.",
            load.descriptors as f64,
        ),
        (
            "host_resident_memory_bytes",
            "Memory that the process holds.",
            load.resident_bytes as f64,
        ),
        (
            "host_saturated",
            "Whether the generator is short of something, so that numbers cannot be trusted.",
            f64::from(u8::from(app.runs.saturated().is_some())),
        ),
    ];
    for (name, doc, value) in gauges {
        page.gauge(name, doc, &[], value);
    }
    page.counter(
        "host_cpu_seconds_total",
        "Time that the process used of its processors.",
        &[],
        load.cpu.as_secs_f64(),
    );
}
