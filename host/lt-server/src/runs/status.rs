//! What the host says of itself: its load, and how much of it is taken.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use axum::extract::State;
use lt_run::machine;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{Runs, time};
use crate::app::AppState;
use crate::json::Json;

/// The shortest time over which the use of the processors is told.
const CPU_INTERVAL: Duration = Duration::from_secs(1);

/// How the host stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// The program's version.
    version: String,
    /// Name of the host.
    host: String,
    /// When it started: RFC 3339, UTC.
    started_at: String,
    /// Since when, in milliseconds.
    uptime_ms: u64,
    /// Processors.
    cpu: Cpu,
    /// Memory.
    memory: Memory,
    /// Files and sockets.
    descriptors: Descriptors,
    /// Runs.
    runs: Taken,
    /// Users.
    users: Users,
    /// Uploads.
    uploads: Taken,
    /// What it is short of, so that numbers cannot be trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    saturated: Option<String>,
    /// What scenarios may reach.
    allow_targets: Vec<String>,
    /// `token` or `none`.
    auth: &'static str,
}

/// Processors.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Cpu {
    /// How many the process may use.
    cores: usize,
    /// The share of them that it used lately.
    used_share: f64,
}

/// Memory.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Memory {
    /// What the process holds.
    resident_bytes: u64,
    /// What it could hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limit_bytes: Option<u64>,
}

/// Files and sockets.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Descriptors {
    /// Open ones.
    open: u64,
    /// How many there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limit: Option<u64>,
}

/// Something of which there is a limit.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Taken {
    /// Under way.
    running: usize,
    /// At a time.
    limit: usize,
}

/// Users of all runs.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Users {
    /// Between join and leave.
    active: u64,
    /// That there may be by the runs under way.
    planned: u64,
    /// That there may be at all.
    limit: u64,
}

/// The hosts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Nodes {
    /// One, until there is a cluster.
    nodes: Vec<Node>,
}

/// A host.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Node {
    /// Its name.
    name: String,
    /// `up`.
    state: &'static str,
    /// Users between join and leave.
    users_active: u64,
    /// The share of its processors that it used lately.
    cpu_share: f64,
    /// Runs under way.
    runs: usize,
}

/// How much of the processors the process used lately.
#[derive(Debug)]
pub(crate) struct CpuWatch {
    began: Instant,
    last: Mutex<(Instant, Duration, f64)>,
}

impl CpuWatch {
    /// From now on.
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        let used = machine::generator_load().cpu;
        Self {
            began: now,
            last: Mutex::new((now, used, 0.0)),
        }
    }

    fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// The share since somebody last asked, if that is a second ago.
    pub(crate) fn share(&self, used: Duration, cores: usize) -> f64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before, share) = *last;
        let wall = since.elapsed();
        if wall < CPU_INTERVAL {
            return share;
        }
        let all = wall.as_secs_f64() * f64::from(u32::try_from(cores.max(1)).unwrap_or(1));
        let share = (used.saturating_sub(before).as_secs_f64() / all).clamp(0.0, 1.0);
        *last = (Instant::now(), used, share);
        share
    }
}

impl Runs {
    /// What the generator is short of, in any run.
    pub(crate) fn saturated(&self) -> Option<&'static str> {
        let mut runs = self.under_way().into_iter();
        runs.find_map(|entry| entry.data().saturated)
    }
}

/// How the host stands
#[utoipa::path(
    get,
    path = "/v1/status",
    tag = "host",
    responses((status = 200, description = "Its load, its limits, and how much is taken", body = Status))
)]
pub(crate) async fn status(State(app): State<AppState>) -> Json<Status> {
    let load = machine::generator_load();
    let taken = app.runs.taken();
    let config = &app.config;
    let uptime = app.runs.cpu().uptime();
    let uptime_ns = i64::try_from(uptime.as_nanos()).unwrap_or(0);
    let (uploads, uploads_max) = app.uploads.taken();
    let available = machine::memory_available_bytes();
    Json(Status {
        version: config.version.clone(),
        host: config.node.clone(),
        started_at: time::rfc3339(app.runs.now() - uptime_ns),
        uptime_ms: time::milliseconds(uptime),
        cpu: Cpu {
            cores: load.processors,
            used_share: app.runs.cpu().share(load.cpu, load.processors),
        },
        memory: Memory {
            resident_bytes: load.resident_bytes,
            limit_bytes: available.map(|free| free.saturating_add(load.resident_bytes)),
        },
        descriptors: Descriptors {
            open: load.descriptors,
            limit: load.descriptors_max,
        },
        runs: Taken {
            running: taken.runs,
            limit: config.limits.runs_max,
        },
        users: Users {
            active: taken.users_active,
            planned: taken.users_planned,
            limit: config.limits.users_max,
        },
        uploads: Taken {
            running: uploads,
            limit: uploads_max,
        },
        saturated: app.runs.saturated().map(str::to_owned),
        allow_targets: config.allow_targets.patterns().map(str::to_owned).collect(),
        auth: match config.token {
            Some(_) => "token",
            None => "none",
        },
    })
}

/// The hosts that run users
#[utoipa::path(
    get,
    path = "/v1/nodes",
    tag = "host",
    responses((status = 200, description = "One, until there is a cluster", body = Nodes))
)]
pub(crate) async fn nodes(State(app): State<AppState>) -> Json<Nodes> {
    let load = machine::generator_load();
    let taken = app.runs.taken();
    Json(Nodes {
        nodes: vec![Node {
            name: app.config.node.clone(),
            state: "up",
            users_active: taken.users_active,
            cpu_share: app.runs.cpu().share(load.cpu, load.processors),
            runs: taken.runs,
        }],
    })
}
