//! What users asked for and how their streams went, as rows that existing viewers of streaming tests read (`--out stream-csv=`).
//!
//! A row is `entity,seconds,metric,value,extra,time`, without a heading: seconds are counted from the entity's own start, and the
//! time is the wall clock's, in UTC. Viewers take what stands behind the level of an error for its code and URL, and break on more:
//! `ApiError` is `entity,seconds,ApiError,level,code,URL`, and `ApiRequestTimeout` ends with the URL. So the time of either stands in
//! a row of its own directly before it, whose metric, `Time`, viewers pass over.
//!
//! Viewers also want a row `StartTestOnMachine` before any other of an entity, and again after a `critical` error, which
//! takes the entity out of their statistics. They take bytes and media time for those of one stream: another stream of the same user begins with
//! such a row too. And they count how far a stream is behind from its first rows on: so the first are of nothing received, at the time of the
//! first frame, although they are written when somebody looks next, up to a second later.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use lt_metrics::{Direction, JournalEvent, JournalLine, MachineUse};

use crate::samples::system_time;
use crate::text::printable;

/// Bytes of a kilobyte: as rtmpdump counts, whose figures viewers know.
pub(crate) const KILOBYTE: f64 = 1024.0;
/// How long an error waits for its user's failure to follow: what comes later is another matter.
const LEVEL_WAIT_NS: i64 = 2_000_000_000;
/// How long a user is remembered of whom nothing is heard: users that leave for good must not take memory without end. Whoever does
/// come back begins anew.
const SILENCE_MAX_NS: i64 = 600_000_000_000;
/// Code of a failure that no request caused.
const CODE_NONE: u16 = 0;

/// An output that follows each user. Lives on the thread that writes; what it wrote before it was finished is whole lines.
pub trait JournalWriter {
    /// Write what users did; lines of one user come in order.
    ///
    /// # Errors
    /// What the writer underneath says.
    fn lines(&mut self, lines: &[JournalLine]) -> io::Result<()>;

    /// Write what the machine uses.
    ///
    /// # Errors
    /// What the writer underneath says.
    fn machine(&mut self, used: &MachineUse) -> io::Result<()>;

    /// Flush and end.
    ///
    /// # Errors
    /// What the writer underneath says.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// See the module.
pub struct StreamCsv<W: Write> {
    writer: csv::Writer<W>,
    /// Name of this machine.
    machine: String,
    machine_began_ns: Option<i64>,
    users: HashMap<u64, User>,
}

/// What viewers know of a user.
#[derive(Debug)]
struct User {
    began_ns: i64,
    stream: Option<Stream>,
    /// An error that is `critical` if the user fails now, else a `warning`.
    error: Option<Error>,
    /// When it was heard of last.
    heard_ns: i64,
}

/// The stream that the rows since the user's start speak of.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stream {
    number: u32,
    direction: Direction,
    bytes: u64,
    media_ms: u64,
}

#[derive(Debug)]
struct Error {
    time_ns: i64,
    /// Status or number; `None` of a timeout.
    code: Option<u16>,
    url: Arc<str>,
}

impl<W: Write> StreamCsv<W> {
    /// An output over any writer, of a machine of this name.
    pub fn new(writer: W, machine: &str) -> Self {
        Self {
            writer: csv::WriterBuilder::new()
                .flexible(true)
                .has_headers(false)
                .from_writer(writer),
            machine: printable(machine),
            machine_began_ns: None,
            users: HashMap::new(),
        }
    }

    fn line(&mut self, line: &JournalLine) -> io::Result<()> {
        let (user, now) = (line.user, line.time_unix_ns);
        let restarts = self.users.get_mut(&user).is_none_or(|known| {
            known.heard_ns = now;
            line.what == JournalEvent::Joined || known.is_another(&line.what)
        });
        if !matches!(line.what, JournalEvent::Failed) {
            self.settle(user, "warning")?;
        }
        if restarts {
            self.start(user, begins_at(&line.what, now))?;
        }
        match &line.what {
            JournalEvent::Joined => Ok(()),
            JournalEvent::Request => {
                let machine = self.machine.clone();
                self.row(user, now, "ApiRequest", &machine, "")
            }
            JournalEvent::RequestFailed { code, url } => {
                self.hold(user, now, Some(*code), url);
                Ok(())
            }
            JournalEvent::RequestTimeout { url } => {
                self.hold(user, now, None, url);
                Ok(())
            }
            JournalEvent::Failed => self.fail(user, now),
            JournalEvent::Stream {
                number,
                direction,
                bytes,
                media_ms,
                ..
            } => {
                let stream = Stream {
                    number: *number,
                    direction: *direction,
                    bytes: *bytes,
                    media_ms: *media_ms,
                };
                let has_begun = self
                    .users
                    .get(&user)
                    .is_some_and(|known| known.stream.is_some());
                if !has_begun {
                    let nothing = Stream {
                        bytes: 0,
                        media_ms: 0,
                        ..stream
                    };
                    self.progress(user, begins_at(&line.what, now), nothing)?;
                }
                self.progress(user, now, stream)
            }
        }
    }

    /// Begin a user, or begin it anew.
    fn start(&mut self, user: u64, now: i64) -> io::Result<()> {
        let begun = User {
            began_ns: now,
            stream: None,
            error: None,
            heard_ns: now,
        };
        self.users.insert(user, begun);
        let machine = self.machine.clone();
        self.row(user, now, "StartTestOnMachine", &machine, "")
    }

    fn hold(&mut self, user: u64, time_ns: i64, code: Option<u16>, url: &Arc<str>) {
        if let Some(known) = self.users.get_mut(&user) {
            known.error = Some(Error {
                time_ns,
                code,
                url: url.clone(),
            });
        }
    }

    /// Write the error that waits, if one does.
    fn settle(&mut self, user: u64, level: &str) -> io::Result<()> {
        let waiting = self
            .users
            .get_mut(&user)
            .and_then(|known| known.error.take());
        match waiting {
            Some(error) => self.error(user, &error, level),
            None => Ok(()),
        }
    }

    fn fail(&mut self, user: u64, now: i64) -> io::Result<()> {
        let known = self.users.get_mut(&user);
        let error = known.and_then(|known| known.error.take());
        let error = error.unwrap_or_else(|| Error {
            time_ns: now,
            code: Some(CODE_NONE),
            url: "".into(),
        });
        self.error(user, &error, "critical")?;
        // Viewers have let go of it.
        self.users.remove(&user);
        Ok(())
    }

    fn error(&mut self, user: u64, error: &Error, level: &str) -> io::Result<()> {
        self.row(user, error.time_ns, "Time", "", "")?;
        let (entity, seconds) = (entity(user), self.seconds(user, error.time_ns));
        let url = printable(&error.url);
        match error.code {
            Some(code) => {
                let code = code.to_string();
                self.writer
                    .write_record([&entity, &seconds, "ApiError", level, &code, &url])?;
            }
            None => {
                self.writer
                    .write_record([&entity, &seconds, "ApiRequestTimeout", level, &url])?
            }
        }
        Ok(())
    }

    fn progress(&mut self, user: u64, now: i64, stream: Stream) -> io::Result<()> {
        if let Some(known) = self.users.get_mut(&user) {
            known.stream = Some(stream);
        }
        let direction = stream.direction.name();
        let kilobytes = format!("{:.2}", stream.bytes as f64 / KILOBYTE);
        self.row(user, now, "StreamProgressKiloBytes", &kilobytes, direction)?;
        let seconds = format!("{:.3}", stream.media_ms as f64 / 1000.0);
        self.row(user, now, "StreamProgressSeconds", &seconds, direction)
    }

    fn row(
        &mut self,
        user: u64,
        now: i64,
        metric: &str,
        value: &str,
        extra: &str,
    ) -> io::Result<()> {
        let (entity, seconds) = (entity(user), self.seconds(user, now));
        let time = time_text(now);
        self.writer
            .write_record([&entity, &seconds, metric, value, extra, &time])?;
        Ok(())
    }

    fn seconds(&self, user: u64, now: i64) -> String {
        let began = self.users.get(&user).map_or(now, |known| known.began_ns);
        seconds_text(now.saturating_sub(began))
    }

    /// Write the errors that have waited long enough.
    fn settle_old(&mut self, now: i64) -> io::Result<()> {
        let is_old = |known: &User| {
            let error = known.error.as_ref();
            error.is_some_and(|error| now.saturating_sub(error.time_ns) >= LEVEL_WAIT_NS)
        };
        let old = self.users.iter().filter(|(_, known)| is_old(known));
        let mut old: Vec<u64> = old.map(|(user, _)| *user).collect();
        old.sort_unstable();
        old.into_iter()
            .try_for_each(|user| self.settle(user, "warning"))
    }
}

impl User {
    /// Whether this is another stream than its rows speak of, or the same from an earlier place on.
    fn is_another(&self, what: &JournalEvent) -> bool {
        match (self.stream, what) {
            (
                Some(known),
                JournalEvent::Stream {
                    number,
                    direction,
                    bytes,
                    media_ms,
                    ..
                },
            ) => {
                (known.number, known.direction) != (*number, *direction)
                    || *bytes < known.bytes
                    || *media_ms < known.media_ms
            }
            _ => false,
        }
    }
}

impl<W: Write> JournalWriter for StreamCsv<W> {
    fn lines(&mut self, lines: &[JournalLine]) -> io::Result<()> {
        lines.iter().try_for_each(|line| self.line(line))?;
        self.writer.flush()
    }

    fn machine(&mut self, used: &MachineUse) -> io::Result<()> {
        let now = used.time_unix_ns;
        self.settle_old(now)?;
        self.users
            .retain(|_, known| now.saturating_sub(known.heard_ns) < SILENCE_MAX_NS);
        let began = *self.machine_began_ns.get_or_insert(now);
        let (seconds, time) = (seconds_text(now.saturating_sub(began)), time_text(now));
        for (metric, value) in [
            ("KiloBytesSent", used.sent_bytes / KILOBYTE),
            ("KiloBytesRecv", used.received_bytes / KILOBYTE),
            ("CPUUsage", used.cpu * 100.0),
        ] {
            let value = format!("{value:.2}");
            self.writer
                .write_record([&self.machine, &seconds, metric, &value, "", &time])?;
        }
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.settle_old(i64::MAX)?;
        self.writer.flush()
    }
}

/// When that began of which something was seen now: of a stream, when its first frame came.
fn begins_at(what: &JournalEvent, now: i64) -> i64 {
    match what {
        JournalEvent::Stream { elapsed_ms, .. } => {
            let elapsed_ns = i64::try_from(*elapsed_ms)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000);
            now.saturating_sub(elapsed_ns)
        }
        _ => now,
    }
}

fn entity(user: u64) -> String {
    format!("user-{user}")
}

fn seconds_text(nanoseconds: i64) -> String {
    format!("{:.3}", nanoseconds.max(0) as f64 / 1e9)
}

/// RFC 3339 in UTC, always with milliseconds.
fn time_text(unix_ns: i64) -> String {
    humantime::format_rfc3339_millis(system_time(unix_ns)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::testing::Shared;

    const NOW: i64 = 1_614_173_830_000_000_000;

    fn line(user: u64, ms: i64, what: JournalEvent) -> JournalLine {
        JournalLine {
            user,
            time_unix_ns: NOW + ms * 1_000_000,
            what,
        }
    }

    fn stream(number: u32, bytes: u64, media_ms: u64) -> JournalEvent {
        JournalEvent::Stream {
            number,
            direction: Direction::Play,
            bytes,
            media_ms,
            elapsed_ms: media_ms + 250,
        }
    }

    fn failed(code: u16) -> JournalEvent {
        JournalEvent::RequestFailed {
            code,
            url: "http://127.0.0.1/a,b".into(),
        }
    }

    fn written(lines: &[JournalLine]) -> String {
        let shared = Shared::default();
        let mut writer = Box::new(StreamCsv::new(shared.clone(), "gene\nrator"));
        writer.lines(lines).unwrap();
        writer.finish().unwrap();
        shared.text()
    }

    #[test]
    fn rows_are_those_that_viewers_read_with_the_time_behind_them() {
        let shared = Shared::default();
        let mut writer = Box::new(StreamCsv::new(shared.clone(), "generator"));
        let publishing = JournalEvent::Stream {
            number: 0,
            direction: Direction::Publish,
            bytes: 2048,
            media_ms: 40,
            elapsed_ms: 50,
        };
        writer
            .lines(&[
                line(1, 0, JournalEvent::Joined),
                line(7, 500, JournalEvent::Joined),
                line(7, 1500, JournalEvent::Request),
                line(7, 3_750, stream(0, 64_000, 1_040)),
                line(1, 3_750, publishing),
            ])
            .unwrap();
        writer
            .machine(&MachineUse {
                time_unix_ns: NOW + 4_000_000_000,
                sent_bytes: 2048.0,
                received_bytes: 64_512.0,
                cpu: 0.125,
            })
            .unwrap();
        writer.finish().unwrap();
        let want = "\
user-1,0.000,StartTestOnMachine,generator,,2021-02-24T13:37:10.000Z
user-7,0.000,StartTestOnMachine,generator,,2021-02-24T13:37:10.500Z
user-7,1.000,ApiRequest,generator,,2021-02-24T13:37:11.500Z
user-7,1.960,StreamProgressKiloBytes,0.00,play,2021-02-24T13:37:12.460Z
user-7,1.960,StreamProgressSeconds,0.000,play,2021-02-24T13:37:12.460Z
user-7,3.250,StreamProgressKiloBytes,62.50,play,2021-02-24T13:37:13.750Z
user-7,3.250,StreamProgressSeconds,1.040,play,2021-02-24T13:37:13.750Z
user-1,3.700,StreamProgressKiloBytes,0.00,publish,2021-02-24T13:37:13.700Z
user-1,3.700,StreamProgressSeconds,0.000,publish,2021-02-24T13:37:13.700Z
user-1,3.750,StreamProgressKiloBytes,2.00,publish,2021-02-24T13:37:13.750Z
user-1,3.750,StreamProgressSeconds,0.040,publish,2021-02-24T13:37:13.750Z
generator,0.000,KiloBytesSent,2.00,,2021-02-24T13:37:14.000Z
generator,0.000,KiloBytesRecv,63.00,,2021-02-24T13:37:14.000Z
generator,0.000,CPUUsage,12.50,,2021-02-24T13:37:14.000Z
";
        assert_eq!(shared.text(), want);
    }

    #[test]
    fn an_error_is_critical_if_its_user_fails_of_it_and_has_no_more_columns_than_viewers_take() {
        let timeout = || JournalEvent::RequestTimeout {
            url: "http://127.0.0.1/slow".into(),
        };
        let text = written(&[
            line(7, 0, JournalEvent::Joined),
            line(7, 100, JournalEvent::Request),
            line(7, 100, failed(503)),
            line(7, 200, JournalEvent::Request),
            line(7, 200, timeout()),
            line(7, 210, JournalEvent::Failed),
            line(8, 0, JournalEvent::Joined),
            line(8, 300, failed(404)),
        ]);
        let want = "\
user-7,0.000,StartTestOnMachine,gene\u{fffd}rator,,2021-02-24T13:37:10.000Z
user-7,0.100,ApiRequest,gene\u{fffd}rator,,2021-02-24T13:37:10.100Z
user-7,0.100,Time,,,2021-02-24T13:37:10.100Z
user-7,0.100,ApiError,warning,503,\"http://127.0.0.1/a,b\"
user-7,0.200,ApiRequest,gene\u{fffd}rator,,2021-02-24T13:37:10.200Z
user-7,0.200,Time,,,2021-02-24T13:37:10.200Z
user-7,0.200,ApiRequestTimeout,critical,http://127.0.0.1/slow
user-8,0.000,StartTestOnMachine,gene\u{fffd}rator,,2021-02-24T13:37:10.000Z
user-8,0.300,Time,,,2021-02-24T13:37:10.300Z
user-8,0.300,ApiError,warning,404,\"http://127.0.0.1/a,b\"
";
        assert_eq!(text, want);
    }

    /// Viewers have no entity before its start, none after a critical error, and one stream an entity.
    #[test]
    fn whoever_goes_on_begins_anew() {
        let metrics = |lines: &[JournalLine]| -> Vec<String> {
            let text = written(lines);
            let rows = text.lines().map(|row| row.split(',').collect::<Vec<_>>());
            rows.map(|row| format!("{} {}", row[1], row[2])).collect()
        };
        let rows = metrics(&[
            line(7, 0, JournalEvent::Request),
            line(7, 100, JournalEvent::Failed),
            line(7, 200, JournalEvent::Request),
        ]);
        assert_eq!(
            rows,
            [
                "0.000 StartTestOnMachine",
                "0.000 ApiRequest",
                "0.100 Time",
                "0.100 ApiError",
                "0.000 StartTestOnMachine",
                "0.000 ApiRequest"
            ]
        );
        let starts = |next: JournalEvent| {
            let rows = metrics(&[
                line(7, 0, JournalEvent::Joined),
                line(7, 1000, stream(0, 100, 900)),
                line(7, 2000, next),
            ]);
            rows.iter()
                .filter(|row| row.ends_with("StartTestOnMachine"))
                .count()
        };
        assert_eq!(starts(stream(0, 100, 900)), 1, "stalled");
        assert_eq!(starts(stream(0, 200, 1900)), 1);
        assert_eq!(starts(stream(1, 200, 1900)), 2, "another stream");
        assert_eq!(starts(stream(0, 200, 800)), 2, "an earlier place");
    }

    /// Else a viewer takes what had come by then for media that is ahead, and finds the stream less late than it is.
    #[test]
    fn a_stream_begins_with_its_first_frame_also_if_it_is_not_the_first() {
        let text = written(&[
            line(7, 0, JournalEvent::Joined),
            line(7, 2_000, stream(0, 1024, 700)),
            line(7, 3_000, stream(0, 1024, 700)),
            line(7, 9_000, stream(1, 2048, 500)),
        ]);
        let rows: Vec<String> = text
            .lines()
            .map(|row| row.split(',').collect::<Vec<_>>())
            .filter(|row| row[2] != "StreamProgressKiloBytes")
            .map(|row| format!("{} {} {}", row[1], row[3], row[5]))
            .collect();
        assert_eq!(
            rows,
            [
                "0.000 gene\u{fffd}rator 2021-02-24T13:37:10.000Z",
                "1.050 0.000 2021-02-24T13:37:11.050Z",
                "2.000 0.700 2021-02-24T13:37:12.000Z",
                "3.000 0.700 2021-02-24T13:37:13.000Z",
                // Another.
                "0.000 gene\u{fffd}rator 2021-02-24T13:37:18.250Z",
                "0.000 0.000 2021-02-24T13:37:18.250Z",
                "0.750 0.500 2021-02-24T13:37:19.000Z",
            ]
        );
    }

    #[test]
    fn an_error_waits_no_longer_than_for_what_it_causes() {
        let shared = Shared::default();
        let mut writer = StreamCsv::new(shared.clone(), "generator");
        writer.lines(&[line(7, 0, failed(500))]).unwrap();
        let used = |ms: i64| MachineUse {
            time_unix_ns: NOW + ms * 1_000_000,
            sent_bytes: 0.0,
            received_bytes: 0.0,
            cpu: 0.0,
        };
        writer.machine(&used(1999)).unwrap();
        assert!(!shared.text().contains("ApiError"));
        writer.machine(&used(2000)).unwrap();
        assert!(shared.text().contains("ApiError,warning,500"));
        writer
            .lines(&[line(7, 2100, JournalEvent::Failed)])
            .unwrap();
        assert!(
            shared
                .text()
                .contains("user-7,2.100,ApiError,critical,0,\n")
        );
    }
}
