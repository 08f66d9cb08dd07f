//! A recorded run of streams shown again: the rows of [`StreamCsv`](crate::StreamCsv), and those that older tools wrote, which have
//! no time of day.
//!
//! What has no time of day happens, for its entity, as many seconds after the entity's start as its row says, and an entity
//! starts when its first row is come to. Rows of a file are in order, but for those that begin a stream, which stand behind what came
//! before they were seen: the clock never goes back.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use csv::StringRecord;
use lt_metrics::{Direction, StreamRow, StreamState};

use crate::progress::clock;
use crate::stream_csv::KILOBYTE;
use crate::streams::StreamsView;
use crate::text::printable;

/// A stream lags when it is further behind than this: as viewers of these rows have it.
const LAG_MAX_SECONDS: f64 = 3.0;
/// Shortest time over which a rate is taken: rows come once a second, with some jitter.
const RATE_SECONDS_MIN: f64 = 0.9;
/// Kinds of errors told apart: further ones count as others.
const ERRORS_MAX: usize = 1000;
/// Lines of errors in the closing summary.
const ERROR_LINES_MAX: usize = 20;
/// Columns that every row has.
const COLUMNS_MIN: usize = 4;
/// Columns of a row that ends with its time.
const COLUMNS_WITH_TIME: usize = 6;

/// A line of a recording that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayFault {
    /// Which, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// The rows of a recording, one after the other. What a crash cut off is no row: a last line without its end that makes no
/// sense is passed over.
pub struct ReplayRows<R> {
    reader: csv::Reader<Ended<R>>,
    record: StringRecord,
}

/// Knows by which byte what was read ends, and whether it has.
struct Ended<R> {
    inner: R,
    last: u8,
    is_over: bool,
}

impl<R: Read> Read for Ended<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.is_over |= count == 0 && !into.is_empty();
        if let Some(last) = into.get(..count).and_then(<[u8]>::last) {
            self.last = *last;
        }
        Ok(count)
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRow {
    entity: String,
    seconds: f64,
    what: What,
    /// Time of day, if the row has it.
    time: Option<SystemTime>,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Start,
    Request,
    Error {
        code: String,
        url: String,
        is_critical: bool,
    },
    Timeout {
        url: String,
        is_critical: bool,
    },
    Bytes {
        kilobytes: f64,
        direction: Direction,
    },
    Media {
        seconds: f64,
        direction: Direction,
    },
    /// Of the machine, or something that this version does not know.
    Other,
}

/// The state of a recorded run, as far as its rows were taken in.
#[derive(Debug, Default)]
pub struct Replay {
    sessions: HashMap<String, Session>,
    began: Option<SystemTime>,
    now: Duration,
    requests: u64,
    timeouts: u64,
    errors: u64,
    errors_by_kind: BTreeMap<(String, String), u64>,
}

/// What is known of an entity.
#[derive(Debug)]
struct Session {
    /// In the order in which sessions began.
    number: u64,
    name: Arc<str>,
    /// When its seconds began.
    base_seconds: f64,
    /// Whether it is one of those that are to stream: a machine is not.
    is_user: bool,
    state: StreamState,
    is_lagged: bool,
    direction: Direction,
    /// When its first media came, by its own seconds.
    first_media: Option<f64>,
    /// Seconds and kilobytes that its rate is counted from.
    rate_from: Option<(f64, f64)>,
    kilobytes: f64,
    media: f64,
    lag: f64,
    kbps: f64,
}

/// How a recorded run stood at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// Since the recording began.
    pub elapsed: Duration,
    /// Requests so far.
    pub requests: u64,
    /// Errors so far, timeouts left out.
    pub errors: u64,
    /// Requests that were not answered in time.
    pub timeouts: u64,
    /// How streams stand; names of users are those of the recording.
    pub streams: StreamsView,
    /// Errors and timeouts by code and URL, the most frequent first. Codes of timeouts are `timeout`.
    pub kinds: Vec<(String, String, u64)>,
}

impl<R: Read> ReplayRows<R> {
    /// The rows of what is read here.
    pub fn new(reader: R) -> Self {
        Self {
            reader: csv::ReaderBuilder::new()
                .flexible(true)
                .has_headers(false)
                .from_reader(Ended {
                    inner: reader,
                    last: b'\n',
                    is_over: false,
                }),
            record: StringRecord::new(),
        }
    }
}

impl<R: Read> ReplayRows<R> {
    /// Whether the record is one that the end of the file ended.
    fn is_cut_off(&self) -> bool {
        let read = self.reader.get_ref();
        read.is_over && read.last != b'\n'
    }
}

impl<R: Read> Iterator for ReplayRows<R> {
    type Item = Result<ReplayRow, ReplayFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let fault = |line: u64, reason: String| Some(Err(ReplayFault { line, reason }));
        let line = self.reader.position().line();
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                // Empty lines are passed over, so that the record may begin below the place where reading began.
                let line = self.record.position().map_or(line, csv::Position::line);
                match row(&self.record) {
                    Ok(row) => Some(Ok(row)),
                    Err(_) if self.is_cut_off() => None,
                    Err(reason) => fault(line, reason),
                }
            }
            Err(error) => {
                let line = error.position().map_or(line, csv::Position::line);
                let reason = match error.kind() {
                    csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
                    csv::ErrorKind::Io(error) => format!("cannot be read: {error}"),
                    _ => error.to_string(),
                };
                fault(line, reason)
            }
        }
    }
}

fn row(record: &StringRecord) -> Result<ReplayRow, String> {
    let columns: Vec<&str> = record.iter().collect();
    let [entity, seconds, metric, value, rest @ ..] = columns.as_slice() else {
        return Err(format!(
            "has {} of the columns entity, seconds, metric, value",
            columns.len().min(COLUMNS_MIN)
        ));
    };
    let seconds = number(seconds, "seconds")?;
    let text = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
    let direction = match rest.first() {
        Some(extra) if *extra == Direction::Publish.name() => Direction::Publish,
        _ => Direction::Play,
    };
    let is_critical = *value == "critical";
    let what = match *metric {
        "StartTestOnMachine" => What::Start,
        "ApiRequest" => What::Request,
        "ApiError" => What::Error {
            code: text(0),
            url: text(1),
            is_critical,
        },
        "ApiRequestTimeout" => What::Timeout {
            url: text(0),
            is_critical,
        },
        "StreamProgressKiloBytes" => What::Bytes {
            kilobytes: number(value, "value")?,
            direction,
        },
        "StreamProgressSeconds" => What::Media {
            seconds: number(value, "value")?,
            direction,
        },
        _ => What::Other,
    };
    let has_time = columns.len() == COLUMNS_WITH_TIME && !matches!(what, What::Error { .. });
    let time = match columns.last() {
        Some(time) if has_time => Some(
            humantime::parse_rfc3339(time)
                .map_err(|_| format!("has the time {time:?}, which is none"))?,
        ),
        _ => None,
    };
    Ok(ReplayRow {
        entity: (*entity).to_owned(),
        seconds,
        what,
        time,
    })
}

fn number(text: &str, column: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(format!("has {text:?} for {column}, which is no number")),
    }
}

impl Replay {
    /// When this row happened, since the recording began: never before what was asked for last.
    pub fn time_of(&mut self, row: &ReplayRow) -> Duration {
        let now = self.now.as_secs_f64();
        let at = match row.time {
            Some(time) => {
                let began = *self.began.get_or_insert(time);
                let at = time.duration_since(began).unwrap_or_default().as_secs_f64();
                self.session(row, at).base_seconds = at - row.seconds;
                at
            }
            None => self.session(row, now).base_seconds + row.seconds,
        };
        let at = Duration::try_from_secs_f64(at.max(now)).unwrap_or(self.now);
        self.now = at;
        at
    }

    /// Take in a row.
    pub fn take(&mut self, row: &ReplayRow) {
        let now = self.time_of(row).as_secs_f64();
        match &row.what {
            What::Request => self.requests += 1,
            What::Error { code, url, .. } => {
                self.errors += 1;
                self.count(code, url);
            }
            What::Timeout { url, .. } => {
                self.timeouts += 1;
                self.count("timeout", url);
            }
            What::Start | What::Bytes { .. } | What::Media { .. } | What::Other => {}
        }
        self.session(row, now).take(row);
    }

    /// How it stands now; `elapsed` is the moment that is shown.
    #[must_use]
    pub fn at(&self, elapsed: Duration) -> Replayed {
        let users = self.sessions.values().filter(|session| session.is_user);
        let rows: Vec<StreamRow> = users.map(Session::stream).collect();
        let mut streams = StreamsView::of(rows.iter()).unwrap_or_default();
        for worst in &mut streams.worst {
            // A recording knows a session and which way its stream goes, not what the stream was called.
            worst.user = std::mem::replace(&mut worst.name, worst.direction.name().to_owned());
        }
        let mut kinds: Vec<(String, String, u64)> = self
            .errors_by_kind
            .iter()
            .map(|((code, url), count)| (code.clone(), url.clone(), *count))
            .collect();
        // Stable: they came by code and URL.
        kinds.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
        Replayed {
            elapsed,
            requests: self.requests,
            errors: self.errors,
            timeouts: self.timeouts,
            streams,
            kinds,
        }
    }

    /// The length of the recording so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now
    }

    fn count(&mut self, code: &str, url: &str) {
        let mut kind = (code.to_owned(), url.to_owned());
        if self.errors_by_kind.len() >= ERRORS_MAX && !self.errors_by_kind.contains_key(&kind) {
            kind = ("others".to_owned(), String::new());
        }
        *self.errors_by_kind.entry(kind).or_default() += 1;
    }

    /// The session of a row; a new one began so many seconds before `now` as the row says.
    fn session(&mut self, row: &ReplayRow, now: f64) -> &mut Session {
        let number = self.sessions.len() as u64;
        let base_seconds = now - row.seconds;
        let session = self
            .sessions
            .entry(row.entity.clone())
            .or_insert_with(|| Session::new(number, &row.entity, base_seconds));
        if row.what == What::Start {
            // Its seconds begin anew.
            session.base_seconds = session.base_seconds.max(base_seconds);
        }
        session
    }
}

impl Session {
    fn new(number: u64, entity: &str, base_seconds: f64) -> Self {
        Self {
            number,
            name: entity.into(),
            base_seconds,
            is_user: false,
            state: StreamState::Starting,
            is_lagged: false,
            direction: Direction::Play,
            first_media: None,
            rate_from: None,
            kilobytes: 0.0,
            media: 0.0,
            lag: 0.0,
            kbps: 0.0,
        }
    }

    fn take(&mut self, row: &ReplayRow) {
        self.is_user |= row.what != What::Other;
        match &row.what {
            What::Start => {
                *self = Self {
                    is_user: true,
                    name: self.name.clone(),
                    ..Self::new(self.number, "", self.base_seconds)
                };
            }
            What::Error {
                is_critical: true, ..
            }
            | What::Timeout {
                is_critical: true, ..
            } => self.state = StreamState::Failed,
            What::Bytes {
                kilobytes,
                direction,
            } => {
                self.direction = *direction;
                self.bytes(row.seconds, *kilobytes);
            }
            What::Media { seconds, direction } => {
                self.direction = *direction;
                self.media(row.seconds, *seconds);
            }
            What::Request | What::Error { .. } | What::Timeout { .. } | What::Other => {}
        }
    }

    fn bytes(&mut self, at: f64, kilobytes: f64) {
        self.first_media.get_or_insert(at);
        let (from, before) = *self.rate_from.get_or_insert((at, kilobytes));
        if at - from >= RATE_SECONDS_MIN {
            self.kbps = (kilobytes - before).max(0.0) * KILOBYTE * 8.0 / 1000.0 / (at - from);
            self.rate_from = Some((at, kilobytes));
        }
        self.kilobytes = kilobytes;
    }

    fn media(&mut self, at: f64, seconds: f64) {
        let first = *self.first_media.get_or_insert(at);
        self.media = seconds;
        self.lag = (at - first - seconds).max(0.0);
        // Also of what nothing comes of: it is the most late.
        self.is_lagged = self.lag > LAG_MAX_SECONDS;
        let has_rate = self.rate_from.is_some_and(|(from, _)| from > first);
        self.state = if has_rate && self.kbps <= 0.0 {
            StreamState::Stalled
        } else {
            StreamState::Flowing
        };
    }

    /// As a stream, under the user's name.
    fn stream(&self) -> StreamRow {
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and only shown"
        )]
        StreamRow {
            user: self.number,
            number: 0,
            name: self.name.clone(),
            direction: self.direction,
            state: self.state,
            lagged: self.is_lagged,
            bytes: (self.kilobytes * KILOBYTE) as u64,
            media: time(self.media),
            elapsed: time(self.media + self.lag),
            lag: time(self.lag),
            kbps: self.kbps,
        }
    }
}

impl Replayed {
    /// The line that is written where there is no terminal.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "replay ({}) requests={} errors={} timeouts={}{}",
            clock(self.elapsed),
            self.requests,
            self.errors,
            self.timeouts,
            self.streams.fields(),
        )
    }

    /// What stands above the panel.
    pub(crate) fn message(&self) -> String {
        format!(
            "{}  {} requests  {} errors  {} timeouts",
            clock(self.elapsed),
            self.requests,
            self.errors,
            self.timeouts
        )
    }

    /// What the whole recording came to, a line each.
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = &self.streams.counts;
        let mut lines = vec![
            ("length", clock(self.elapsed)),
            (
                "sessions established",
                format!("{}/{}", counts.established(), counts.asked),
            ),
            ("sessions lagged", counts.lagged.to_string()),
            ("sessions stalled", counts.stalled.to_string()),
            ("sessions failed", counts.failed.to_string()),
            ("received", flow_text(self.streams.received)),
        ];
        if self.streams.sent.streams > 0 {
            lines.push(("sent", flow_text(self.streams.sent)));
        }
        lines.push(("requests", self.requests.to_string()));
        lines.push(("timeouts", self.timeouts.to_string()));
        lines.push(("errors", self.errors.to_string()));
        let mut text = String::new();
        for (name, value) in lines {
            text.push_str(&format!("{name:.<24}: {value}\n"));
        }
        for (code, url, count) in self.kinds.iter().take(ERROR_LINES_MAX) {
            let kind = printable(format!("{code} {url}").trim());
            text.push_str(&format!("  ↳  {count} × {kind}\n"));
        }
        match self.kinds.len().saturating_sub(ERROR_LINES_MAX) {
            0 => {}
            more => text.push_str(&format!("  … and {more} more\n")),
        }
        text
    }
}

fn flow_text(flow: crate::streams::Flow) -> String {
    format!(
        "{:.0} kbps, {:.0} a session",
        flow.kbps,
        flow.average_kbps()
    )
}

#[cfg(test)]
#[path = "replay/tests.rs"]
mod tests;
