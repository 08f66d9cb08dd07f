//! Runs of a host as the commands need them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::call::{Answer, Client};
use crate::error::CommandError;
use crate::exit::Exit;

/// What stands for the newest run.
const LATEST: &str = "latest";
/// Runs that one page of the list holds at most.
const PAGE: usize = 100;
/// Pages that are looked through: beyond five thousand runs nobody looks for one by a part of its id.
const PAGES_MAX: usize = 50;

/// A run as the host tells it. What is not there is empty: hosts are of other versions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) state: String,
    pub(crate) created_at: String,
    pub(crate) ended_at: Option<String>,
    pub(crate) elapsed_ms: u64,
    pub(crate) seed: Option<u64>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) parts: Vec<Part>,
    pub(crate) thresholds: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) results: Vec<String>,
}

/// How it ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Verdict {
    pub(crate) exit_code: u8,
    pub(crate) passed: bool,
    pub(crate) reason: Option<String>,
}

/// A scenario of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) scenario: String,
    pub(crate) load: String,
    pub(crate) users_active: u64,
    pub(crate) users_planned: u64,
    pub(crate) paused: bool,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) versions: Vec<Version>,
    pub(crate) swap: Option<Swap>,
}

/// A version of a scenario in a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Version {
    pub(crate) label: String,
    pub(crate) share: f64,
    pub(crate) users: u64,
    pub(crate) iterations: u64,
    pub(crate) failures: u64,
    pub(crate) joins_failed: u64,
    pub(crate) current: bool,
}

/// How a scenario's code is being replaced.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Swap {
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) share: f64,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) started_elapsed_ms: u64,
    pub(crate) completed_elapsed_ms: Option<u64>,
}

/// A run in a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunBrief {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) state: String,
    pub(crate) scenarios: Vec<String>,
    pub(crate) users_active: u64,
    pub(crate) elapsed_ms: u64,
    pub(crate) created_at: String,
    pub(crate) verdict: Option<Verdict>,
    /// All that the host told of it.
    #[serde(skip)]
    pub(crate) document: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    runs: Vec<Value>,
    next: Option<String>,
}

impl Run {
    /// Whether nothing more happens in it.
    pub(crate) fn is_over(&self) -> bool {
        is_over(&self.state)
    }

    /// The scenario of this name in the run, or its only one.
    pub(crate) fn part(&self, name: Option<&str>) -> Option<&Part> {
        match (name, self.parts.as_slice()) {
            (Some(name), parts) => parts.iter().find(|part| part.name == name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl RunBrief {
    /// Whether nothing more happens in it.
    pub(crate) fn is_over(&self) -> bool {
        is_over(&self.state)
    }
}

/// A run of a list, with all that was told of it.
fn brief(document: Value) -> RunBrief {
    RunBrief {
        document: document.clone(),
        ..RunBrief::deserialize(document).unwrap_or_default()
    }
}

fn is_over(state: &str) -> bool {
    ["ended", "failed", "interrupted"].contains(&state)
}

/// The program's exit for a run that is over: that of its verdict.
pub(crate) fn exit_of(run: &Run) -> Exit {
    let code = run.verdict.as_ref().map(|verdict| verdict.exit_code);
    Exit::ALL
        .into_iter()
        .find(|exit| Some(exit.code()) == code)
        .unwrap_or(Exit::Failed)
}

/// Whether it may stand for one step of a path as it is: no host has other names.
pub(crate) fn name_is_safe(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The id of a run that was typed: whole, as the beginning of one id, or `latest`.
///
/// # Errors
/// If there is none, or several.
pub(crate) fn find(client: &Client, typed: &str) -> Result<String, CommandError> {
    let problem = |message: String, remedy: &str| {
        CommandError::input("RUN", typed, message, remedy.to_owned())
    };
    let remedy = "`lt-host runs --all` lists them";
    if typed == LATEST {
        let page: Page = client
            .get(&["runs"], &[("limit", "1".to_owned())])?
            .read()?;
        let newest = page.runs.into_iter().next().map(brief);
        return newest.map(|run| run.id).ok_or_else(|| {
            problem(
                "the host has no run".to_owned(),
                "start one: `lt-host start`",
            )
        });
    }
    if !name_is_safe(typed) {
        return Err(problem("is no id of a run".to_owned(), remedy));
    }
    match client.get(&["runs", typed], &[]) {
        Ok(_) => return Ok(typed.to_owned()),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let mut found: Vec<String> = list(client, |run| run.id.starts_with(typed))?
        .into_iter()
        .map(|run| run.id)
        .collect();
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), more) => Err(problem(
            format!("is the beginning of {} ids", more + 1),
            "type more of it",
        )),
        (None, _) => Err(problem("is no run of this host".to_owned(), remedy)),
    }
}

/// The runs of the host that are wanted, newest first.
///
/// # Errors
/// What the host says.
pub(crate) fn list(
    client: &Client,
    wanted: impl Fn(&RunBrief) -> bool,
) -> Result<Vec<RunBrief>, CommandError> {
    let mut runs = Vec::new();
    let mut before: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(before.take().map(|id| ("before", id)));
        let page: Page = client.get(&["runs"], &query)?.read()?;
        runs.extend(page.runs.into_iter().map(brief).filter(&wanted));
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    Ok(runs)
}

/// A run as it is now.
///
/// # Errors
/// What the host says.
pub(crate) fn run_now(client: &Client, id: &str) -> Result<Answer, CommandError> {
    Ok(client.get(&["runs", id], &[])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_steps_of_a_path() {
        for safe in ["r-20261121-1", "latest", "a", "7", "a.b_c"] {
            assert!(name_is_safe(safe), "{safe}");
        }
        for unsafe_name in ["", ".", "..", "a/b", "a b", "-a", "é", "a%2f"] {
            assert!(!name_is_safe(unsafe_name), "{unsafe_name}");
        }
    }

    #[test]
    fn a_run_ends_as_its_verdict_says() {
        let ended = |code: Option<u8>| Run {
            state: "ended".to_owned(),
            verdict: code.map(|exit_code| Verdict {
                exit_code,
                ..Verdict::default()
            }),
            ..Run::default()
        };
        assert_eq!(exit_of(&ended(Some(0))), Exit::Success);
        assert_eq!(exit_of(&ended(Some(99))), Exit::ThresholdsFailed);
        assert_eq!(exit_of(&ended(Some(103))), Exit::StoppedByApi);
        // A word of another time, or a run whose host died.
        assert_eq!(exit_of(&ended(Some(77))), Exit::Failed);
        assert_eq!(exit_of(&ended(None)), Exit::Failed);
    }
}
