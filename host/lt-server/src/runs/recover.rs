//! Runs of a process that has ended: the history, and what it left half done.

use std::io;
use std::path::Path;

use lt_report::Dossier;
use serde_json::Value;

use super::entry::{Entry, Kept};
use super::life::nobody_runs;
use super::model::{RunState, Verdict};
use super::{keeper, results, time};

/// What a run has before it is accepted.
const FIRST_FILES: [&str; 8] = [
    ".uploads",
    "events.jsonl",
    "metrics.hlog",
    "snapshots.jsonl",
    "samples.json",
    "samples.csv",
    "streams.csv",
    keeper::RUN_FILE,
];

/// Every run below the directory. One without an end is marked as interrupted, and its report is written from what there is.
///
/// # Errors
/// If the directory cannot be read. A run that cannot be read is told and left as it is.
pub(crate) fn history(dir: &Path, now_unix_ns: i64) -> io::Result<Vec<Entry>> {
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let mut kept = match keeper::read(&path) {
            Ok(kept) => kept,
            // It was not accepted yet: nobody was told of it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                never_began(&path);
                continue;
            }
            Err(error) => {
                tracing::warn!(
                    "{}: is left alone: it holds no run: {error}",
                    path.display()
                );
                continue;
            }
        };
        if path.file_name().and_then(|name| name.to_str()) != Some(kept.run.id.as_str()) {
            tracing::warn!(
                "{}: is left alone: it is called otherwise than its run",
                path.display()
            );
            continue;
        }
        if !kept.run.state.is_over() {
            interrupted(&path, &mut kept, now_unix_ns);
        }
        runs.push(Entry::past(path, kept));
    }
    Ok(runs)
}

/// The host died while it went on.
fn interrupted(dir: &Path, kept: &mut Kept, now_unix_ns: i64) {
    let run = &mut kept.run;
    nobody_runs(run, RunState::Interrupted);
    let dossier = Dossier::open(dir);
    if let Ok(dossier) = &dossier {
        run.elapsed_ms = milliseconds(dossier.summary().state.duration_ms);
    }
    run.ended_at = Some(last_written(dir).unwrap_or_else(|| time::rfc3339(now_unix_ns)));
    run.verdict = Some(Verdict {
        exit_code: lt_run::Exit::Failed.code(),
        passed: false,
        reason: Some("the host died while the run went on".to_owned()),
    });
    let value = serde_json::to_value(&*run).unwrap_or(Value::Null);
    if let Err(error) = dossier.and_then(|dossier| dossier.write_page(Some(&value))) {
        tracing::warn!("{}: no report: {error}", dir.display());
    }
    kept.run.results = results::names(dir);
    tracing::warn!("the run {} was interrupted: the host died", kept.run.id);
    if let Err(error) = keeper::write(dir, kept) {
        // On a full disk too the host must start, or nobody could delete anything over it. The next start tries again.
        tracing::error!("{}: cannot be written: {error}", dir.display());
    }
}

/// A run that was not accepted before the host died leaves its first files. Anything else is somebody's, and is left.
fn never_began(dir: &Path) {
    let is_ours = |entry: io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            FIRST_FILES.iter().any(|first| {
                // Files that are replaced whole have another name until then.
                name == *first
                    || name
                        .strip_prefix('.')
                        .is_some_and(|name| name.starts_with(first))
            })
        })
    };
    let is_link = dir.is_symlink();
    let all_ours = || std::fs::read_dir(dir).is_ok_and(|mut entries| entries.all(is_ours));
    if is_link || !all_ours() {
        tracing::warn!(
            "{}: is left alone: it holds no run, and files that no run has",
            dir.display()
        );
        return;
    }
    match std::fs::remove_dir_all(dir) {
        Ok(()) => tracing::warn!("{}: is removed: its run never began", dir.display()),
        Err(error) => tracing::warn!("{}: cannot be removed: {error}", dir.display()),
    }
}

/// When the run last wrote a snapshot.
fn last_written(dir: &Path) -> Option<String> {
    let metadata = std::fs::metadata(dir.join(results::SNAPSHOTS_FILE)).ok()?;
    let written = metadata.modified().ok()?;
    Some(humantime::format_rfc3339_millis(written).to_string())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a length of time, never negative"
)]
fn milliseconds(milliseconds: f64) -> u64 {
    milliseconds as u64
}
