//! What the host answered, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use super::runs::{Part, Run, RunBrief};
use crate::error::CommandError;
use crate::process::Process;
use crate::show::{plain, section, time};

/// Columns where nobody tells how wide the terminal is: whoever reads a file wants all of it.
const COLUMNS_UNKNOWN: usize = usize::MAX;
/// Least that is left of a column which has to give way.
const COLUMN_LEAST: usize = 8;

/// A document, indented.
///
/// # Errors
/// None that we know of: a value of JSON can be written as such.
pub(crate) fn json_page(value: &Value) -> Result<String, CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::Failed(format!("cannot be written as JSON: {error}")))?;
    Ok(format!("{text}\n"))
}

/// A document on one line.
pub(crate) fn json_line(value: &Value) -> String {
    format!("{value}\n")
}

/// How wide a page may be.
pub(crate) fn fits(process: &Process) -> usize {
    match process.stdout_is_terminal {
        true => crate::machine::terminal_size()
            .map_or(COLUMNS_UNKNOWN, |(columns, _)| usize::from(columns)),
        false => COLUMNS_UNKNOWN,
    }
}

/// Rows under their headings, each column as wide as what stands in it. If that is wider than `columns`, the widest gives
/// way; what is cut off is told by an ellipsis. What the host sent cannot steer the terminal.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    columns: usize,
) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| plain(&cell))));
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    loop {
        let whole: usize = widths.iter().sum::<usize>() + 2 * N.saturating_sub(1);
        let widest = widths.iter_mut().max();
        match widest {
            Some(widest) if whole > columns && *widest > COLUMN_LEAST => {
                *widest = (*widest).saturating_sub(whole - columns).max(COLUMN_LEAST);
            }
            _ => break,
        }
    }
    let mut page = String::new();
    for line in lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            let _infallible = write!(text, "{:width$}  ", cut(cell, width));
        }
        page.push_str(text.trim_end());
        page.push('\n');
    }
    page
}

/// As many characters of it.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A list of runs.
pub(crate) fn brief_rows(runs: &[RunBrief]) -> impl Iterator<Item = [String; 7]> + '_ {
    runs.iter().map(|run| {
        let verdict = run.verdict.as_ref();
        [
            run.id.clone(),
            run.state.clone(),
            run.scenarios.join(", "),
            run.users_active.to_string(),
            elapsed(run.elapsed_ms),
            verdict.map_or("-".to_owned(), |it| it.exit_code.to_string()),
            match &run.name {
                Some(name) => format!("{}  {name}", run.created_at),
                None => run.created_at.clone(),
            },
        ]
    })
}

/// A length of time, to a second.
fn elapsed(milliseconds: u64) -> String {
    time(Duration::from_secs(milliseconds / 1000))
}

/// A share as people write it.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A run, for people.
pub(crate) fn run_page(run: &Run, columns: usize) -> String {
    let mut page = format!("{}  {}", plain(&run.id), plain(&run.state));
    if let Some(name) = &run.name {
        let _infallible = write!(page, "  {}", plain(name));
    }
    page.push('\n');
    let mut facts = vec![
        ("created".to_owned(), run.created_at.clone()),
        ("elapsed".to_owned(), elapsed(run.elapsed_ms)),
    ];
    let mut fact = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| (name.to_owned(), plain(&value))));
    };
    fact("ended", run.ended_at.clone());
    fact("seed", run.seed.map(|seed| seed.to_string()));
    fact("comment", run.comment.clone());
    let verdict = run.verdict.as_ref().map(|verdict| {
        let passed = if verdict.passed { "passed" } else { "failed" };
        let reason = verdict.reason.as_ref();
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        format!("{passed}, exit code {}{reason}", verdict.exit_code)
    });
    fact("verdict", verdict);
    let tags = run
        .tags
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let tags: Vec<String> = tags.collect();
    fact("tags", (!tags.is_empty()).then(|| tags.join(", ")));
    fact(
        "results",
        (!run.results.is_empty()).then(|| run.results.join(", ")),
    );
    for (name, value) in facts {
        let _infallible = writeln!(page, "  {name:8}  {value}");
    }
    let thresholds = run.thresholds.iter();
    let thresholds = thresholds.map(|text| (plain(text), String::new()));
    section(&mut page, "Thresholds", thresholds);
    for part in &run.parts {
        part_page(&mut page, part, columns);
    }
    page
}

fn part_page(page: &mut String, part: &Part, columns: usize) {
    let stored = match part.scenario == part.name || part.scenario.is_empty() {
        true => String::new(),
        false => format!(" ({})", plain(&part.scenario)),
    };
    let paused = if part.paused { ", paused" } else { "" };
    let _infallible = writeln!(
        page,
        "\n{}{stored}: {} of {} users{paused}",
        plain(&part.name),
        part.users_active,
        part.users_planned
    );
    let mut rows = vec![("load".to_owned(), plain(&part.load))];
    let settings = part.settings.iter();
    rows.extend(settings.map(|(name, value)| (plain(name), plain(value))));
    if let Some(swap) = &part.swap {
        let reason = swap.reason.as_ref();
        let reason = reason.map_or(String::new(), |reason| format!(": {}", plain(reason)));
        let took = swap.completed_elapsed_ms.map_or(String::new(), |end| {
            let took = Duration::from_millis(end.saturating_sub(swap.started_elapsed_ms));
            format!(" in {}", time(took))
        });
        let text = format!(
            "{} to {} for {}: {}{took}{reason}",
            plain(&swap.from),
            plain(&swap.to),
            percent(swap.share),
            plain(&swap.state)
        );
        rows.push(("swap".to_owned(), text));
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    for (name, value) in rows {
        let _infallible = writeln!(page, "  {name:width$}  {value}");
    }
    let versions = part.versions.iter().map(|version| {
        [
            version.label.clone(),
            percent(version.share),
            version.users.to_string(),
            version.iterations.to_string(),
            version.failures.to_string(),
            version.joins_failed.to_string(),
            if version.current { "current" } else { "" }.to_owned(),
        ]
    });
    let headings = [
        "version",
        "share",
        "users",
        "iterations",
        "failures",
        "joins failed",
        "",
    ];
    let indented = table(headings, versions, columns.saturating_sub(2));
    for line in indented.lines() {
        let _infallible = writeln!(page, "  {line}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_fits_the_terminal() {
        let rows = || {
            [
                [
                    "r-1".to_owned(),
                    "a long\u{1b}[2J title of a run".to_owned(),
                ],
                ["r-22".to_owned(), "short".to_owned()],
            ]
        };
        assert_eq!(
            table(["run", "title"], rows(), usize::MAX),
            "run   title\nr-1   a long [2J title of a run\nr-22  short\n"
        );
        assert_eq!(
            table(["run", "title"], rows(), 20),
            "run   title\nr-1   a long [2J ti…\nr-22  short\n"
        );
        // Narrower than anything can be: what is least is kept.
        let narrow = table(["run", "title"], rows(), 3);
        assert_eq!(narrow.lines().nth(1), Some("r-1   a long …"));
    }

    #[test]
    fn a_run_is_a_page() {
        let run: Run = serde_json::from_value(json!({
            "id": "r-1", "state": "running", "name": "noon\u{7}", "created_at": "2026-11-21T12:00:00Z", "elapsed_ms": 61_500,
            "seed": 7, "thresholds": ["checks:rate>0.9"], "tags": {"env": "ci"}, "unknown": 1,
            "parts": [{
                "name": "chat", "scenario": "talk", "executor": "constant-users", "load": "10 users for 1m",
                "users_active": 9, "users_planned": 10, "paused": true, "settings": {"token": "***"},
                "versions": [{"label": "0.1.0+3f2a91bc", "share": 0.125, "users": 1, "iterations": 5, "failures": 0,
                    "joins_failed": 0, "current": true}],
                "swap": {"to": "b", "from": "a", "share": 0.125, "state": "canary", "started_elapsed_ms": 1}
            }]
        }))
        .unwrap();
        let page = run_page(&run, usize::MAX);
        let want = "\
r-1  running  noon\u{20}
  created   2026-11-21T12:00:00Z
  elapsed   1m1s
  seed      7
  tags      env=ci

Thresholds
  checks:rate>0.9

chat (talk): 9 of 10 users, paused
  load   10 users for 1m
  token  ***
  swap   a to b for 12.5%: canary
  version         share  users  iterations  failures  joins failed
  0.1.0+3f2a91bc  12.5%  1      5           0         0             current
";
        assert_eq!(page, want);
    }
}
