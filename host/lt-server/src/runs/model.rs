//! What the API says of runs: plain values. Field names are a contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a run is in its life.
///
/// `starting` → `running` ⇄ `paused` → `stopping` → `ended`; `starting` → `failed`; any of the first four → `interrupted` if
/// the host dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// `init` runs, or users are being built.
    #[default]
    Starting,
    /// Users iterate.
    Running,
    /// No iteration starts, in any of its scenarios.
    Paused,
    /// Iterations under way come to their end, then `terminate` runs.
    Stopping,
    /// It has ended: `verdict` says how.
    Ended,
    /// It could not start.
    Failed,
    /// The host died before it ended.
    Interrupted,
}

impl RunState {
    /// Whether nothing of it runs any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Failed | Self::Interrupted)
    }

    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// A title for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Why it is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment: Option<String>,
    /// Where it is in its life.
    pub state: RunState,
    /// Grows with every change that somebody makes, and at its end: the ETag.
    pub revision: u64,
    /// When it was accepted: RFC 3339, UTC.
    pub created_at: String,
    /// When its users started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_at: Option<String>,
    /// Time since its users started.
    pub elapsed_ms: u64,
    /// Where its random numbers begin.
    pub seed: u64,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub verdict: Option<Verdict>,
    /// What runs.
    pub parts: Vec<RunPart>,
    /// What it is judged by.
    pub thresholds: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// How many annotations it has.
    pub annotations: u64,
    /// Names of the files that it left.
    pub results: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// What `lt-host run` would have exited with: 0 is a run that passed.
    pub exit_code: u8,
    /// Whether it passed.
    pub passed: bool,
    /// Why not, or why it ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
}

/// One scenario of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunPart {
    /// Its name in the run.
    pub name: String,
    /// The name it is stored under.
    pub scenario: String,
    /// How its iterations are started.
    pub executor: String,
    /// Its load, for people.
    pub load: String,
    /// Users between join and leave.
    pub users_active: u64,
    /// Users that there may be at a time.
    pub users_planned: u64,
    /// Whether it is paused.
    pub paused: bool,
    /// Its settings as they are now; secrets as `***`.
    pub settings: BTreeMap<String, String>,
    /// The versions of its code that users run or ran.
    pub versions: Vec<VersionInUse>,
    /// The last change of its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub swap: Option<SwapState>,
}

/// A version of a scenario in a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionInUse {
    /// `0.1.0+3f2a91bc`: the tag `version` of its samples.
    pub label: String,
    /// The version it calls itself.
    pub version: String,
    /// SHA-256 of its component.
    pub digest: String,
    /// The share of users that are to run it.
    pub share: f64,
    /// Users that run it.
    pub users: u64,
    /// Iterations it ended.
    pub iterations: u64,
    /// Iterations of it that failed.
    pub failures: u64,
    /// Users whose `join` it failed.
    pub joins_failed: u64,
    /// Whether new users take it.
    pub current: bool,
}

/// A change of the code of a running scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SwapState {
    /// The label of the version users move to.
    pub to: String,
    /// The label of the version before.
    pub from: String,
    /// The share of users that move.
    pub share: f64,
    /// Whether running users move too.
    pub drain: bool,
    /// `rolling_out`, `canary`, `complete` or `rolled_back`.
    pub state: String,
    /// Why it was rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// When it began, since the users started.
    pub started_elapsed_ms: u64,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub completed_elapsed_ms: Option<u64>,
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunBrief {
    /// Its id.
    pub id: String,
    /// A title for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Where it is in its life.
    pub state: RunState,
    /// The stored scenarios it runs.
    pub scenarios: Vec<String>,
    /// Users between join and leave.
    pub users_active: u64,
    /// Time since its users started.
    pub elapsed_ms: u64,
    /// When it was accepted.
    pub created_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_at: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub verdict: Option<Verdict>,
}

/// Runs, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunList {
    /// The runs.
    pub runs: Vec<RunBrief>,
    /// If there are more: what `before` takes to get them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
}

/// What somebody wants to find again in the numbers of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Annotation {
    /// When: RFC 3339, UTC.
    pub time: String,
    /// When, since the users started.
    pub elapsed_ms: u64,
    /// What is to be remembered.
    pub text: String,
    /// Words by which it is found.
    pub tags: Vec<String>,
    /// `sent`, or `failed: …`, where a Graphite server is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub graphite: Option<String>,
}

impl Run {
    /// What a list says of it.
    #[must_use]
    pub fn brief(&self) -> RunBrief {
        let mut scenarios: Vec<String> = Vec::new();
        for part in &self.parts {
            if !scenarios.contains(&part.scenario) {
                scenarios.push(part.scenario.clone());
            }
        }
        RunBrief {
            id: self.id.clone(),
            name: self.name.clone(),
            state: self.state,
            scenarios,
            users_active: self.parts.iter().map(|part| part.users_active).sum(),
            elapsed_ms: self.elapsed_ms,
            created_at: self.created_at.clone(),
            ended_at: self.ended_at.clone(),
            verdict: self.verdict.clone(),
        }
    }
}
