//! Scenarios as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::about::About;
use super::index::{Index, Stored};
use crate::error::{ApiError, ApiResult};

/// All scenarios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioList {
    /// By name.
    pub scenarios: Vec<ScenarioBrief>,
}

/// A scenario, in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioBrief {
    /// The name it is stored under.
    #[schema(example = "plenary-chat")]
    pub name: String,
    /// SHA-256 of the current version.
    pub digest: String,
    /// What the current version calls itself.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// What it does.
    pub doc: String,
    /// Size of the component.
    pub size_bytes: u64,
    /// When the current version came.
    pub uploaded_at: String,
    /// How many versions are kept.
    pub versions: usize,
}

/// A scenario, its current version and all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Scenario)]
pub struct ScenarioView {
    /// The name it is stored under.
    #[schema(example = "plenary-chat")]
    pub name: String,
    /// SHA-256 of the current version.
    pub digest: String,
    /// What the current version calls itself.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Size of the component.
    pub size_bytes: u64,
    /// When the current version came.
    pub uploaded_at: String,
    /// All versions, in the order of their uploads.
    pub versions: Vec<VersionView>,
    /// What the current version says of itself.
    #[serde(flatten)]
    pub about: About,
}

/// A version of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ScenarioVersion)]
pub struct VersionView {
    /// SHA-256 of the component.
    pub digest: String,
    /// What it calls itself.
    pub version: String,
    /// Size of the component.
    pub size_bytes: u64,
    /// When it came first.
    pub uploaded_at: String,
    /// Whether new runs take it.
    pub current: bool,
}

/// For a list.
pub(crate) fn brief(name: &str, index: &Index) -> Option<ScenarioBrief> {
    let current = index.current()?;
    Some(ScenarioBrief {
        name: name.to_owned(),
        digest: current.digest.clone(),
        version: current.version.clone(),
        doc: current.about.doc.clone(),
        size_bytes: current.size_bytes,
        uploaded_at: current.uploaded_at.clone(),
        versions: index.versions.len(),
    })
}

/// All of it.
pub(crate) fn full(name: &str, index: &Index) -> ApiResult<ScenarioView> {
    let current = index
        .current()
        .ok_or_else(|| ApiError::not_found("scenario", name))?;
    let version = |stored: &Stored| VersionView {
        digest: stored.digest.clone(),
        version: stored.version.clone(),
        size_bytes: stored.size_bytes,
        uploaded_at: stored.uploaded_at.clone(),
        current: stored.digest == index.current,
    };
    Ok(ScenarioView {
        name: name.to_owned(),
        digest: current.digest.clone(),
        version: current.version.clone(),
        size_bytes: current.size_bytes,
        uploaded_at: current.uploaded_at.clone(),
        versions: index.versions.iter().map(version).collect(),
        about: current.about.clone(),
    })
}
