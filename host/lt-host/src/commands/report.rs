//! `lt-host report`: a run that has ended, shown again.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::BoolishValueParser;
use lt_metrics::Summary;
use lt_report::{
    Dossier, ProgressDisplay, Replay, ReplayFault, ReplayRows, RunEnd, TextOptions, conclusions,
    text_summary,
};

use crate::cli::Global;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::machine;
use crate::options::SummaryOptions;
use crate::process::{Process, on_interrupt};

/// How often a recording is shown, in its own time.
const SHOW_INTERVAL: Duration = Duration::from_secs(1);
/// Longest time without a row that is shown as it was: a recording has one of its machine every two seconds, so that a longer one is two
/// recordings in one file.
const GAP_MAX: Duration = Duration::from_secs(60);

/// Show a run again: the summary of its results, or its streams as they were recorded
///
/// RESULTS is a directory that `lt-host run` made, such as results/latest. Of a run that was killed it holds what was there a
/// second before at most; its report.html, which it had no time to write, is written now.
///
/// A recording (--replay) is shown as the run was: a panel on a terminal, a line a recorded second elsewhere. It ends with how many sessions were
/// established, what they received, and the errors. Ctrl-C ends it before. Recordings of older tools, without a time of
/// day, are read as well.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Report {
    /// Results of a run: its directory, or its summary.json.
    #[arg(value_name = "RESULTS")]
    results: Option<PathBuf>,
    /// Show what --out stream-csv=FILE recorded.
    #[arg(long, value_name = "FILE", env = "LT_REPLAY")]
    replay: Option<PathBuf>,
    /// How many times as fast as it was, or max: without waiting.
    #[arg(long, value_name = "N", env = "LT_SPEED", default_value = "1", value_parser = speed)]
    speed: Speed,
    /// Show nothing but the end of a recording.
    #[arg(short, long, env = "LT_QUIET", value_parser = BoolishValueParser::new())]
    quiet: bool,
    #[command(flatten)]
    summary: SummaryOptions,
}

const EXAMPLES: &str = "\
Examples:
  The summary of the last run, every metric:
    lt-host report results/latest --summary-mode full
  A recorded run, ten times as fast:
    lt-host run fans.wasm -u 200 -d 5m --out stream-csv=streams.csv
    lt-host report --replay streams.csv --speed 10";

/// How fast a recording is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Speed {
    /// So many times as fast as it was.
    Times(f64),
    /// Without waiting.
    Max,
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("is neither a number above zero nor max".to_owned()),
    }
}

impl Report {
    /// Show it.
    pub(crate) fn execute(
        self,
        process: &mut Process,
        global: &Global,
    ) -> Result<Exit, CommandError> {
        match (&self.results, &self.replay) {
            (Some(results), None) => self.results(results, process, global),
            (None, Some(recording)) => self.replay(recording, process),
            (Some(results), Some(_)) => Err(CommandError::input(
                "RESULTS",
                results.display().to_string(),
                "contradicts --replay",
                "leave one of the two out",
            )),
            (None, None) => Err(CommandError::input(
                "RESULTS",
                "",
                "is missing",
                "name a directory of results, or a recording with --replay",
            )),
        }
    }

    fn results(
        &self,
        path: &Path,
        process: &mut Process,
        global: &Global,
    ) -> Result<Exit, CommandError> {
        let options = self.summary.text_options(global.colors_stdout(process))?;
        let unusable = |message: String| {
            CommandError::input(
                "RESULTS",
                path.display().to_string(),
                message,
                "name a directory that `lt-host run` made, such as results/latest",
            )
        };
        if path.is_dir() {
            let dossier = Dossier::open(path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    let file = path.join("summary.json");
                    unusable(format!("has no {}: {error}", file.display()))
                }
                _ => unusable(format!("holds no summary: {error}")),
            })?;
            tell(dossier.caveat(), process);
            print(dossier.summary(), &options, process)?;
            write_missing_page(&dossier, path, process);
        } else {
            let text = std::fs::read(path)
                .map_err(|error| unusable(format!("has no {}: {error}", path.display())))?;
            let summary: Summary = serde_json::from_slice(&text)
                .map_err(|error| unusable(format!("holds no summary: {error}")))?;
            let early = summary.state.ended_early.as_ref();
            tell(
                early.map(|reason| format!("ended early: {reason}")),
                process,
            );
            print(&summary, &options, process)?;
        }
        Ok(Exit::Success)
    }

    fn replay(&self, path: &Path, process: &mut Process) -> Result<Exit, CommandError> {
        // All of it is looked through before any of it is shown: what can be read only once would then be empty.
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let message = "cannot be read twice: it is no regular file";
            return Err(recording(path, message.to_owned()));
        }
        let mut is_empty = true;
        for row in rows(path)? {
            row.map_err(|fault| faulty(path, &fault))?;
            is_empty = false;
        }
        if is_empty {
            return Err(recording(path, "holds no rows".to_owned()));
        }
        let (told, asked_to_end) = channel();
        on_interrupt(move |_| {
            // Who asks when all was shown is not heard.
            let _unheard = told.send(());
        })?;
        self.show(path, process, &asked_to_end)
    }

    /// Show a recording without faults.
    fn show(
        &self,
        path: &Path,
        process: &mut Process,
        asked_to_end: &Receiver<()>,
    ) -> Result<Exit, CommandError> {
        let mut bar = (process.stderr_is_terminal && !self.quiet)
            .then(|| ProgressDisplay::terminal_of_replay(machine::terminal_size));
        let mut pace = Pace::new(self.speed);
        let mut replay = Replay::default();
        let mut due = SHOW_INTERVAL;
        let mut exit = Exit::Success;
        'rows: for row in rows(path)? {
            // It was without fault a moment ago.
            let row = row.map_err(|fault| faulty(path, &fault))?;
            let at = replay.time_of(&row);
            if at.saturating_sub(due) > GAP_MAX {
                pace.skip(at - due);
                due = at;
            }
            while due <= at {
                if pace.wait(due, asked_to_end) {
                    exit = Exit::Interrupted;
                    break 'rows;
                }
                let moment = replay.at(due);
                match &mut bar {
                    Some(bar) => bar.replay(&moment)?,
                    None if self.quiet => {}
                    None => process.complain(&moment.line()),
                }
                due += SHOW_INTERVAL;
            }
            replay.take(&row);
        }
        if let Some(bar) = bar {
            bar.clear();
        }
        process.print(&replay.at(replay.elapsed()).summary())?;
        Ok(exit)
    }
}

fn print(
    summary: &Summary,
    options: &TextOptions,
    process: &mut Process,
) -> Result<(), CommandError> {
    let page = text_summary(summary, options);
    process.print(&format!("{page}{}", conclusions(summary)))?;
    Ok(())
}

/// What a reader of the numbers must know of the run's end.
fn tell(caveat: Option<String>, process: &mut Process) {
    if let Some(caveat) = caveat {
        process.complain(&crate::show::plain(&caveat));
    }
}

/// A run that was killed had no time for its page. One that cannot be written is no reason not to show the numbers.
fn write_missing_page(dossier: &Dossier, path: &Path, process: &mut Process) {
    if dossier.has_page() || dossier.end() == RunEnd::Running {
        return;
    }
    let page = path.join("report.html");
    match dossier.write_page(None) {
        Ok(()) => process.complain(&format!("page: {}", page.display())),
        Err(error) => process.complain(&format!("{} cannot be written: {error}", page.display())),
    }
}

/// Keeps a recording to the time it took.
struct Pace {
    speed: Speed,
    began: Instant,
    /// Recorded time that is not shown.
    skipped: Duration,
}

impl Pace {
    fn new(speed: Speed) -> Self {
        Self {
            speed,
            began: Instant::now(),
            skipped: Duration::ZERO,
        }
    }

    fn skip(&mut self, recorded: Duration) {
        self.skipped += recorded;
    }

    /// Wait until it is so late in the recording; whether the end was asked for.
    fn wait(&self, recorded: Duration, asked_to_end: &Receiver<()>) -> bool {
        let recorded = recorded.saturating_sub(self.skipped);
        let due = match self.speed {
            Speed::Times(times) => {
                let seconds = recorded.as_secs_f64() / times;
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
            Speed::Max => Duration::ZERO,
        };
        let left = due.saturating_sub(self.began.elapsed());
        // Without a handler of signals nobody can ask.
        match asked_to_end.recv_timeout(left) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(left);
                false
            }
        }
    }
}

fn rows(path: &Path) -> Result<ReplayRows<BufReader<File>>, CommandError> {
    let file = File::open(path).map_err(|error| {
        let message = format!("cannot be read: {error}");
        recording(path, message)
    })?;
    Ok(ReplayRows::new(BufReader::new(file)))
}

fn faulty(path: &Path, fault: &ReplayFault) -> CommandError {
    recording(path, format!("line {} {}", fault.line, fault.reason))
}

fn recording(path: &Path, message: String) -> CommandError {
    CommandError::input(
        "--replay",
        path.display().to_string(),
        crate::show::plain(&message),
        "give a file that --out stream-csv=FILE wrote",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::fake;

    const ROWS: &str = "\
fan1,0.00,StartTestOnMachine,box
fan1,1.50,StreamProgressKiloBytes,0.00
fan1,1.50,StreamProgressSeconds,0.00
fan1,2.75,StreamProgressKiloBytes,62.50
fan1,2.75,StreamProgressSeconds,1.25
fan1,400.00,ApiError,warning,503,http://api.test/fans
fan1,401.00,ApiRequest,box
";

    /// Run the program on a file of its own.
    fn report(name: &str, text: &str, arguments: &[&str]) -> (Exit, String, String) {
        let dir = std::env::temp_dir().join(format!("lt-host-report-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap().to_owned();
        let typed: Vec<&str> = std::iter::once("report")
            .chain(arguments.iter().copied())
            .map(|argument| if argument == "FILE" { &path } else { argument })
            .collect();
        let (mut process, printed) = fake(&typed);
        let exit = crate::main(&mut process);
        std::fs::remove_file(&path).unwrap();
        (exit, printed.stdout.text(), printed.stderr.text())
    }

    #[test]
    fn a_recording_is_a_line_a_second_and_a_summary() {
        let arguments = ["--replay", "FILE", "--speed", "max"];
        let (exit, summary, lines) = report("replayed.csv", ROWS, &arguments);
        assert_eq!(exit, Exit::Success, "{lines}");
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(
            lines,
            [
                "replay (0m01.0s) requests=0 errors=0 timeouts=0 streams=0/1 lagged=0 stalled=0 kbps=0",
                "replay (0m02.0s) requests=0 errors=0 timeouts=0 streams=1/1 lagged=0 stalled=0 kbps=0",
                // Nothing for minutes is not shown.
                "replay (6m40.0s) requests=0 errors=0 timeouts=0 streams=1/1 lagged=0 stalled=0 kbps=410",
                "replay (6m41.0s) requests=0 errors=1 timeouts=0 streams=1/1 lagged=0 stalled=0 kbps=410",
            ]
        );
        assert!(
            summary.contains("sessions established....: 1/1\n")
                && summary.contains("errors..................: 1\n  ↳  1 × 503 http"),
            "{summary}"
        );
        let (_, quiet, said) = report(
            "quiet.csv",
            ROWS,
            &["--replay", "FILE", "--speed=max", "-q"],
        );
        assert_eq!((quiet, said), (summary, String::new()));
    }

    #[test]
    fn a_recording_keeps_to_its_time_until_its_end_is_asked_for() {
        let (told, asked) = channel();
        let pace = Pace::new(Speed::Times(1000.0));
        assert!(!pace.wait(Duration::from_secs(1), &asked));
        assert!(pace.began.elapsed() >= Duration::from_millis(1));
        told.send(()).unwrap();
        assert!(Pace::new(Speed::Times(1e-9)).wait(Duration::from_secs(1), &asked));
        let mut pace = Pace::new(Speed::Times(1e-9));
        pace.skip(Duration::from_secs(3));
        assert!(!pace.wait(Duration::from_secs(2), &asked), "not shown");
    }

    #[test]
    fn a_faulty_line_is_named() {
        let text = format!("{ROWS}fan1,soon,ApiRequest,box\n");
        let (exit, out, said) = report("faulty.csv", &text, &["--replay", "FILE"]);
        assert_eq!((exit, out), (Exit::BadInput, String::new()));
        assert!(
            said.contains("line 8 has \"soon\" for seconds") && said.contains("remedy"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "nothing was shown: {said}");
    }

    #[test]
    fn a_summary_is_printed_again() {
        let mut summary = Summary {
            conclusions: vec!["{\"sessions\":1}".to_owned()],
            ..Summary::default()
        };
        summary.state.ended_early = Some("interrupted".to_owned());
        let text = serde_json::to_string(&summary).unwrap();
        let (exit, page, said) = report("summary.json", &text, &["FILE"]);
        assert_eq!(exit, Exit::Success, "{said}");
        assert_eq!(page, "\n  █ TOTAL RESULTS\n{\"sessions\":1}\n");
        assert_eq!(said, "ended early: interrupted\n");
        let cut = text.get(..text.len() / 2).unwrap();
        let (exit, _, said) = report("cut.json", cut, &["FILE"]);
        assert_eq!(exit, Exit::BadInput);
        assert!(said.contains("holds no summary"), "{said}");
    }

    #[test]
    fn a_run_that_was_killed_is_told_so_and_gets_its_page() {
        let dir = std::env::temp_dir().join(format!("lt-host-killed-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut summary = Summary::default();
        summary.state.partial = true;
        summary.state.duration_ms = 12_000.0;
        summary.state.ended_early = Some("not ended".to_owned());
        let text = serde_json::to_string(&summary).unwrap();
        std::fs::write(dir.join("summary.json"), text).unwrap();
        let typed = ["report", dir.to_str().unwrap()];
        let (mut process, printed) = fake(&typed);
        assert_eq!(crate::main(&mut process), Exit::Success);
        let said = printed.stderr.text();
        let page = dir.join("report.html");
        assert_eq!(
            said,
            format!(
                "interrupted: numbers up to 0m12.0s of the run\npage: {}\n",
                page.display()
            )
        );
        assert!(page.is_file());
        // The page is there now, and the directory may be read-only.
        let (mut process, printed) = fake(&typed);
        assert_eq!(crate::main(&mut process), Exit::Success);
        assert_eq!(printed.stderr.text().lines().count(), 1);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_is_to_be_shown_must_be_said_once() {
        for (arguments, wanted) in [
            (&[][..], "is missing"),
            (&["FILE", "--replay", "FILE"], "contradicts"),
            (&["/nowhere"], "/nowhere"),
            (&["--replay", "/nowhere"], "cannot be read"),
            (&["--replay", "/dev/null"], "cannot be read twice"),
            (&["--replay", "/"], "cannot be read twice"),
            (&["--replay", "FILE"], "holds no rows"),
            (&["--replay", "FILE", "--speed", "0"], "number above zero"),
            (&["FILE", "--summary-trend-stats", "p(7)"], "p(7)"),
        ] {
            let (exit, _, said) = report("any", "", arguments);
            assert_eq!(exit, Exit::BadInput, "{said}");
            assert!(said.contains(wanted), "{said}");
        }
    }
}
