//! The log: to standard error, as text or as lines of JSON. While a bar is drawn there, lines are held, and whoever draws
//! it writes them above.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Global, LogFormat, LogLevel};

/// What takes the level asked for: our crates, and scenarios (`guest`). Libraries are heard from their warnings on.
const OURS: [&str; 12] = [
    "guest",
    "lt_coordination",
    "lt_data",
    "lt_host",
    "lt_load",
    "lt_metrics",
    "lt_net",
    "lt_report",
    "lt_run",
    "lt_runtime",
    "lt_server",
    "lt_spec",
];
/// Lines held between two drawings of the bar, a tenth of a second apart: more scroll past unread.
const HELD_LINES_MAX: usize = 1000;

/// The lines being held; `None` while nobody draws a bar. The log is one for the process, so this is too.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Start logging for the rest of the process. Where a log is running already, as in tests, it stays. Runs of a host keep their
/// own lines too, whatever is shown on standard error, from the level `info` on.
pub(crate) fn start(global: &Global, colors: bool, now_unix_ns: fn() -> i64) {
    let level = level(global.log_level);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(|| Sink)
        .with_ansi(colors);
    let layer = match global.log_format {
        LogFormat::Text => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let kept = filter(level.max(LevelFilter::INFO));
    let runs = lt_server::runs::logs::layer(now_unix_ns).with_filter(kept);
    let _running_already = tracing_subscriber::registry()
        .with(layer.with_filter(filter(level)))
        .with(runs)
        .try_init();
}

/// Ours from this level on, libraries from their warnings on.
fn filter(level: LevelFilter) -> Targets {
    let others = level.min(LevelFilter::WARN);
    OURS.iter()
        .fold(Targets::new().with_default(others), |filter, target| {
            filter.with_target(*target, level)
        })
}

/// Write a line among those of the log.
pub(crate) fn write_line(line: &str) {
    // If nobody can read it, there is nobody to tell.
    let _unheard = Sink.write_all(format!("{line}\n").as_bytes());
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Standard error, or the lines that are held. The subscriber writes one line a call.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match HELD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(lines) if lines.len() < HELD_LINES_MAX => {
                lines.push(String::from_utf8_lossy(bytes).trim_end().to_owned());
            }
            Some(_) => {}
            None => io::stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Whoever draws a bar. Dropping it gives the log back to standard error.
#[derive(Debug)]
pub(crate) struct Held {
    lines: &'static Mutex<Option<Vec<String>>>,
}

impl Default for Held {
    fn default() -> Self {
        Self { lines: &HELD }
    }
}

impl Held {
    /// Hold lines from now on.
    pub(crate) fn hold(&self) {
        self.lock().get_or_insert_default();
    }

    /// The lines since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The last lines; further ones go to standard error again.
    pub(crate) fn release(&self) -> Vec<String> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'static, Option<Vec<String>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for line in self.release() {
            let _unheard = writeln!(io::stderr(), "{line}");
        }
    }
}
