//! What guests and the host logged in each run: a tracing layer that tells runs apart by their span, and bounded rings that
//! keep the last lines of each.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use lt_run::secrets::Secrets;
use lt_spec::limits::{RUN_LOG_BYTES_MAX, RUN_LOG_LINE_BYTES_MAX, RUN_LOG_LINES_MAX};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use utoipa::ToSchema;

/// Lines that a follower may be behind before it loses some.
const FOLLOW_LINES_MAX: usize = 512;

/// Name of the span that every thread of a run is in, and of the field with the run's id.
const RUN_SPAN: (&str, &str) = ("run", "id");

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Its number in the run, from 1.
    pub seq: u64,
    /// When: RFC 3339, UTC.
    pub time: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Who says it: `guest`, or a part of the host.
    pub target: String,
    /// Whose line it is, of a guest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<u64>,
    /// In which of its iterations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub iteration: Option<u64>,
    /// What is said, without secrets.
    pub message: String,
}

impl LogLine {
    fn bytes(&self) -> usize {
        self.message.len() + self.target.len() + size_of::<Self>()
    }
}

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LogFilter {
    /// Those of this user.
    pub(crate) user: Option<u64>,
    /// Those as grave as this, or graver.
    pub(crate) level: Option<Level>,
}

impl LogFilter {
    pub(crate) fn takes(&self, line: &LogLine) -> bool {
        let level: Option<Level> = line.level.parse().ok();
        self.user.is_none_or(|user| line.user == Some(user))
            && self
                .level
                .is_none_or(|least| level.is_some_and(|level| level <= least))
    }
}

/// The last lines of one run.
#[derive(Debug)]
pub(crate) struct RunLog {
    lines: Mutex<Ring>,
    secrets: RwLock<Arc<Secrets>>,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Arc<LogLine>>,
    bytes: usize,
    last: u64,
    /// Who follows: made when the first comes, and gone with the run.
    followers: Option<broadcast::Sender<Arc<LogLine>>>,
    /// Whether no line comes any more.
    is_closed: bool,
}

impl Default for RunLog {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            secrets: RwLock::new(Arc::new(Secrets::new(std::iter::empty()))),
        }
    }
}

impl RunLog {
    /// What is never shown from now on.
    pub(crate) fn hide(&self, secrets: Arc<Secrets>) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// A text of this run without its secrets.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        secrets.hide(text)
    }

    /// A snapshot of this run, as JSON, without its secrets.
    pub(crate) fn snapshot_without_secrets(&self, json: String) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        secrets.hide_in_snapshot(json)
    }

    /// Keep a line; the oldest make room for it.
    fn add(&self, mut line: LogLine) {
        line.message = self.without_secrets(&line.message);
        cut(&mut line.message);
        let mut ring = self.ring();
        ring.last += 1;
        line.seq = ring.last;
        let line = Arc::new(line);
        ring.bytes += line.bytes();
        ring.lines.push_back(line.clone());
        while ring.lines.len() > RUN_LOG_LINES_MAX || ring.bytes > RUN_LOG_BYTES_MAX {
            let Some(oldest) = ring.lines.pop_front() else {
                break;
            };
            ring.bytes -= oldest.bytes();
        }
        // Under the lock, so that followers get the lines in their order.
        if let Some(followers) = &ring.followers {
            // Nobody may follow any more.
            let _unheard = followers.send(line);
        }
    }

    /// The last `most` lines that the filter takes, and all that follow.
    pub(crate) fn tail(
        &self,
        most: usize,
        filter: LogFilter,
    ) -> (Vec<Arc<LogLine>>, broadcast::Receiver<Arc<LogLine>>) {
        let mut ring = self.ring();
        let taken = ring.lines.iter().rev().filter(|line| filter.takes(line));
        let mut lines: Vec<Arc<LogLine>> = taken.take(most).cloned().collect();
        lines.reverse();
        if ring.is_closed {
            return (lines, broadcast::channel(1).1);
        }
        let followers = &mut ring.followers;
        let followers = followers.get_or_insert_with(|| broadcast::channel(FOLLOW_LINES_MAX).0);
        (lines, followers.subscribe())
    }

    /// Write the lines that are kept.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let lines = self.ring().lines.clone();
        let mut file = io::BufWriter::new(File::create(path)?);
        for line in lines {
            serde_json::to_writer(&mut file, &*line)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }

    /// No line comes any more, and those that are kept are written: forget them.
    pub(crate) fn close(&self) {
        let mut ring = self.ring();
        ring.lines = VecDeque::new();
        ring.bytes = 0;
        ring.followers = None;
        ring.is_closed = true;
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last `most` lines that the filter takes of those that a run left.
pub(crate) fn read(path: &Path, most: usize, filter: LogFilter) -> Vec<LogLine> {
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let lines = lines.filter_map(|line| serde_json::from_str::<LogLine>(&line).ok());
    let taken: Vec<LogLine> = lines.filter(|line| filter.takes(line)).collect();
    let before = taken.len().saturating_sub(most);
    taken.into_iter().skip(before).collect()
}

/// Cut a line that is too long, at a character's border.
fn cut(text: &mut String) {
    if text.len() > RUN_LOG_LINE_BYTES_MAX {
        let mut end = RUN_LOG_LINE_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

/// The logs of all runs under way, by their ids. The log is one for the process, so this is too: [`layer`] fills it.
static LOGS: RwLock<BTreeMap<String, Arc<RunLog>>> = RwLock::new(BTreeMap::new());

/// Begin the log of a run: lines said in its span are kept from now on.
pub(crate) fn begin(run: &str) -> Arc<RunLog> {
    let log = Arc::new(RunLog::default());
    let mut logs = LOGS.write().unwrap_or_else(PoisonError::into_inner);
    logs.insert(run.to_owned(), log.clone());
    log
}

/// The run has ended: later lines go nowhere. Those that were kept are with whoever has the log.
pub(crate) fn end(run: &str) {
    let mut logs = LOGS.write().unwrap_or_else(PoisonError::into_inner);
    logs.remove(run);
}

fn of_run(run: &str) -> Option<Arc<RunLog>> {
    let logs = LOGS.read().unwrap_or_else(PoisonError::into_inner);
    logs.get(run).cloned()
}

/// The layer that keeps what runs log: for whoever starts the log of a program that serves.
#[must_use]
pub fn layer(now_unix_ns: fn() -> i64) -> RunLogs {
    RunLogs { now_unix_ns }
}

/// See [`layer`].
#[derive(Clone, Copy, Debug)]
pub struct RunLogs {
    now_unix_ns: fn() -> i64,
}

/// The log of the run whose span this is: looked up once a span, not once a line.
struct OfRun(Arc<RunLog>);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for RunLogs {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != RUN_SPAN.0 {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(run), Some(span)) = (fields.run, context.span(id))
            && let Some(log) = of_run(&run)
        {
            span.extensions_mut().insert(OfRun(log));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(scope) = context.event_scope(event) else {
            return;
        };
        for span in scope {
            let extensions = span.extensions();
            if let Some(OfRun(log)) = extensions.get::<OfRun>() {
                let mut fields = Fields::default();
                event.record(&mut fields);
                log.add(LogLine {
                    seq: 0,
                    time: crate::runs::time::rfc3339((self.now_unix_ns)()),
                    level: event.metadata().level().as_str().to_ascii_lowercase(),
                    target: event.metadata().target().to_owned(),
                    user: fields.user,
                    iteration: fields.iteration,
                    message: fields.message + &fields.others,
                });
                return;
            }
        }
    }
}

/// What an event or a span says.
#[derive(Default)]
struct Fields {
    message: String,
    others: String,
    user: Option<u64>,
    iteration: Option<u64>,
    run: Option<String>,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "user" => self.user = Some(value),
            "iteration" => self.iteration = Some(value),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            name if name == RUN_SPAN.1 => self.run = Some(value.to_owned()),
            "message" => self.message.push_str(value),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a text cannot fail.
        let _written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if name == RUN_SPAN.1 => {
                self.run = Some(format!("{value:?}").trim_matches('"').to_owned());
                Ok(())
            }
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn all(log: &RunLog) -> Vec<Arc<LogLine>> {
        log.tail(usize::MAX, LogFilter::default()).0
    }

    fn line(message: &str) -> LogLine {
        LogLine {
            seq: 0,
            time: String::new(),
            level: "info".to_owned(),
            target: "guest".to_owned(),
            user: None,
            iteration: None,
            message: message.to_owned(),
        }
    }

    #[test]
    fn lines_are_told_apart_by_the_span_of_their_run() {
        let (one, other) = (begin("t-one"), begin("t-other"));
        one.hide(Arc::new(Secrets::new(std::iter::once("geheim"))));
        let subscriber = tracing_subscriber::registry().with(layer(|| 1_614_173_830_000_000_000));
        tracing::subscriber::with_default(subscriber, || {
            tracing::error_span!("run", id = %"t-one").in_scope(|| {
                tracing::info!(target: "guest", user = 7_u64, iteration = 3_u64, "hello geheim\u{1b}[2J");
            });
            tracing::error_span!("run", id = "t-other").in_scope(|| {
                tracing::debug_span!("inner").in_scope(|| tracing::warn!(extra = 5, "odd"));
            });
            tracing::error_span!("run", id = "t-nobody").in_scope(|| tracing::error!("unheard"));
            tracing::error!("of no run");
        });
        let lines = all(&one);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].user, lines[0].iteration), (Some(7), Some(3)));
        assert_eq!(
            (lines[0].level.as_str(), lines[0].target.as_str()),
            ("info", "guest")
        );
        assert_eq!(lines[0].message, "hello ***\u{1b}[2J");
        assert_eq!(lines[0].time, "2021-02-24T13:37:10.000Z");
        // In JSON a control character is an escape: no terminal is steered by it.
        assert!(
            serde_json::to_string(&*lines[0])
                .unwrap()
                .contains("\\u001b[2J")
        );
        let lines = all(&other);
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].seq, lines[0].message.as_str()),
            (1, "odd extra=5")
        );
        end("t-one");
        assert!(of_run("t-one").is_none() && of_run("t-other").is_some());
        end("t-other");
    }

    #[test]
    fn the_last_lines_are_kept_and_long_ones_cut() {
        let log = RunLog::default();
        for number in 0..RUN_LOG_LINES_MAX + 10 {
            log.add(line(&number.to_string()));
        }
        let lines = all(&log);
        assert_eq!((lines.len(), lines[0].seq), (RUN_LOG_LINES_MAX, 11));
        let long = "ä".repeat(RUN_LOG_LINE_BYTES_MAX);
        for _ in 0..1000 {
            log.add(line(&long));
        }
        let lines = all(&log);
        let bytes: usize = lines.iter().map(|line| line.message.len()).sum();
        assert!(
            bytes <= RUN_LOG_BYTES_MAX && bytes > RUN_LOG_BYTES_MAX / 2,
            "{bytes}"
        );
        assert!(lines.last().unwrap().message.ends_with('…'));
    }

    #[test]
    fn who_follows_gets_what_comes_and_what_is_left_is_read_again() {
        let log = RunLog::default();
        log.add(line("a"));
        let (lines, mut told) = log.tail(10, LogFilter::default());
        log.add(line("b"));
        assert_eq!(
            (lines.len(), told.try_recv().unwrap().message.as_str()),
            (1, "b")
        );
        let scratch = crate::app::testing::Scratch::new("log");
        let path = scratch.path().join("log.jsonl");
        log.write(&path).unwrap();
        log.close();
        assert!(all(&log).is_empty());
        let left = read(&path, 1, LogFilter::default());
        assert_eq!(
            (left.len(), left[0].message.as_str(), left[0].seq),
            (1, "b", 2)
        );
        assert!(read(&scratch.path().join("none"), 9, LogFilter::default()).is_empty());
    }
}
