use lt_metrics::{JournalEvent, JournalLine, MachineUse};

use super::*;
use crate::samples::testing::Shared;
use crate::{JournalWriter, StreamCsv};

fn rows(text: &str) -> Vec<ReplayRow> {
    ReplayRows::new(text.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap()
}

fn replayed(text: &str) -> Replayed {
    let mut replay = Replay::default();
    for row in rows(text) {
        replay.take(&row);
    }
    replay.at(replay.elapsed())
}

fn fault(text: &str) -> ReplayFault {
    ReplayRows::new(text.as_bytes())
        .find_map(Result::err)
        .unwrap()
}

/// As the tool of 2017 wrote it: five columns at most but for errors, no time of day.
const OLD: &str = "\
fan1,0.00,StartTestOnMachine,box
fan1,0.52,ApiRequest,box
fan2,0.00,StartTestOnMachine,box
fan2,0.40,ApiRequest,box
fan2,0.41,ApiError,critical,503,http://api.test/fans
box,2.00,KiloBytesSent,10.00
fan1,1.00,StreamProgressKiloBytes,0.00
fan1,1.00,StreamProgressSeconds,0.00
fan1,2.00,StreamProgressKiloBytes,62.50
fan1,2.00,StreamProgressSeconds,1.00
fan3,0.00,StartTestOnMachine,box
fan3,9.00,ApiRequestTimeout,warning,http://api.test/slow
fan1,6.00,StreamProgressKiloBytes,125.00
fan1,6.00,StreamProgressSeconds,1.90
";

#[test]
fn an_old_recording_is_understood() {
    let end = replayed(OLD);
    assert_eq!((end.requests, end.errors, end.timeouts), (2, 1, 1));
    let counts = end.streams.counts;
    assert_eq!((counts.established(), counts.asked), (1, 3));
    assert_eq!((counts.lagged, counts.failed), (1, 1));
    // 62.5 kB of 1 024 bytes in four seconds.
    assert!((end.streams.received.kbps - 128.0).abs() < 1e-9);
    let worst = &end.streams.worst;
    assert_eq!(
        (worst[0].user.as_str(), worst[0].state),
        ("fan2", StreamState::Failed)
    );
    assert_eq!(
        (worst[1].user.as_str(), worst[1].lag),
        ("fan1", Duration::from_millis(3_100))
    );
    let want = "\
length..................: 0m11.0s
sessions established....: 1/3
sessions lagged.........: 1
sessions stalled........: 0
sessions failed.........: 1
received................: 128 kbps, 128 a session
requests................: 2
timeouts................: 1
errors..................: 1
  ↳  1 × 503 http://api.test/fans
  ↳  1 × timeout http://api.test/slow
";
    assert_eq!(end.summary(), want);
    assert_eq!(
        end.line(),
        "replay (0m11.0s) requests=2 errors=1 timeouts=1 streams=1/3 lagged=1 stalled=0 kbps=128"
    );
}

#[test]
fn entities_without_a_time_of_day_begin_where_they_first_appear() {
    let mut replay = Replay::default();
    let times: Vec<u128> = rows(OLD)
        .iter()
        .map(|row| replay.time_of(row).as_millis())
        .collect();
    // fan2 begins at 0.52 s; box, at 2 s of its own when it is first seen, at 0.93 s less those; fan3 at 2 s.
    assert_eq!(
        times,
        [
            0, 520, 520, 920, 930, 930, 1000, 1000, 2000, 2000, 2000, 11_000, 11_000, 11_000
        ]
    );
}

#[test]
fn what_is_recorded_is_shown_again() {
    const NOW: i64 = 1_614_173_830_000_000_000;
    let shared = Shared::default();
    let mut writer = Box::new(StreamCsv::new(shared.clone(), "generator"));
    let line = |user: u64, ms: i64, what: JournalEvent| JournalLine {
        user,
        time_unix_ns: NOW + ms * 1_000_000,
        what,
    };
    let stream = |user: u64, ms: i64, direction: Direction, bytes: u64, media_ms: u64| {
        let what = JournalEvent::Stream {
            number: 0,
            direction,
            bytes,
            media_ms,
            elapsed_ms: u64::try_from(ms).unwrap() - 1_000,
        };
        line(user, ms, what)
    };
    writer
        .lines(&[
            line(1, 0, JournalEvent::Joined),
            line(2, 0, JournalEvent::Joined),
            line(3, 0, JournalEvent::Joined),
            line(2, 100, JournalEvent::Request),
            stream(1, 1_000, Direction::Publish, 0, 0),
            stream(2, 1_000, Direction::Play, 0, 0),
            stream(1, 2_000, Direction::Publish, 125_000, 1_000),
            stream(2, 2_000, Direction::Play, 62_500, 1_000),
            stream(1, 3_000, Direction::Publish, 250_000, 2_000),
            stream(2, 3_000, Direction::Play, 62_500, 1_000),
            line(
                3,
                3_500,
                JournalEvent::RequestTimeout {
                    url: "http://127.0.0.1/".into(),
                },
            ),
            line(3, 3_500, JournalEvent::Failed),
        ])
        .unwrap();
    writer
        .machine(&MachineUse {
            time_unix_ns: NOW + 60_000_000_000,
            sent_bytes: 1.0,
            received_bytes: 1.0,
            cpu: 0.5,
        })
        .unwrap();
    writer.finish().unwrap();
    let end = replayed(&shared.text());
    assert_eq!(end.elapsed, Duration::from_secs(60));
    let counts = end.streams.counts;
    assert_eq!(
        (
            counts.asked,
            counts.publishing,
            counts.stalled,
            counts.failed
        ),
        (3, 1, 1, 1)
    );
    // Kilobytes are written with two digits.
    assert!((end.streams.sent.kbps - 1000.0).abs() < 0.2, "{end:?}");
    assert_eq!((end.requests, end.timeouts, end.errors), (1, 1, 0));
    let worst = &end.streams.worst;
    assert_eq!(
        (worst[0].user.as_str(), worst[2].user.as_str()),
        ("user-3", "user-1")
    );
    assert_eq!(
        (worst[0].name.as_str(), worst[2].name.as_str()),
        ("play", "publish"),
        "a recording does not know more of a stream"
    );
}

/// As the run itself says of it: what stands still is the most late.
#[test]
fn a_stalled_stream_lags_and_is_no_less_late_than_it_is() {
    let shared = Shared::default();
    let mut writer = Box::new(StreamCsv::new(shared.clone(), "generator"));
    // Seen 900 ms after its first frame, then never anything: late by 3 s after 3.9 s.
    let line = |elapsed_ms: u64| JournalLine {
        user: 1,
        time_unix_ns: 1_614_173_830_000_000_000 + i64::try_from(elapsed_ms).unwrap() * 1_000_000,
        what: JournalEvent::Stream {
            number: 0,
            direction: Direction::Play,
            bytes: 50_000,
            media_ms: 900,
            elapsed_ms,
        },
    };
    let mut look = |elapsed_ms: u64| {
        writer.lines(&[line(elapsed_ms)]).unwrap();
        let end = replayed(&shared.text());
        let counts = end.streams.counts;
        (counts.stalled, counts.lagged, end.streams.worst[0].lag)
    };
    assert_eq!(look(900), (0, 0, Duration::ZERO));
    assert_eq!(look(1_900).0, 1);
    assert_eq!(look(2_900), (1, 0, Duration::from_secs(2)));
    assert_eq!(look(3_900), (1, 0, Duration::from_secs(3)));
    assert_eq!(look(4_100), (1, 1, Duration::from_millis(3_200)));
}

#[test]
fn whoever_begins_anew_is_one_session_and_has_not_failed() {
    let text = "\
user-1,0.000,StartTestOnMachine,box
user-1,1.000,ApiError,critical,500,http://a/
user-1,0.000,StartTestOnMachine,box
";
    let end = replayed(text);
    assert_eq!(end.streams.counts.asked, 1);
    assert_eq!((end.streams.counts.failed, end.errors), (0, 1));
}

#[test]
fn faults_are_named_with_their_line() {
    let reason = |text: &str| {
        let fault = fault(text);
        (fault.line, fault.reason)
    };
    let good = "a,0,ApiRequest,box\n";
    let cut_off = format!("{good}{good}a,1");
    assert_eq!(rows(&cut_off).len(), 2, "a crash leaves half a line");
    assert_eq!(
        reason(&format!("{good}\n{good}a,1\n")),
        (
            4,
            "has 2 of the columns entity, seconds, metric, value".to_owned()
        )
    );
    assert_eq!(
        reason("metric_name,timestamp,metric_value,check\n"),
        (
            1,
            "has \"timestamp\" for seconds, which is no number".to_owned()
        )
    );
    assert_eq!(
        reason(&format!("{good}a,1,StreamProgressSeconds,NaN\n")),
        (2, "has \"NaN\" for value, which is no number".to_owned())
    );
    assert_eq!(
        reason("a,1,ApiRequest,box,,yesterday\n"),
        (1, "has the time \"yesterday\", which is none".to_owned())
    );
    let mut bytes = good.as_bytes().to_vec();
    bytes.extend(b"a,1,Api\xff,box\n");
    let fault = ReplayRows::new(bytes.as_slice()).find_map(Result::err);
    assert_eq!(
        fault,
        Some(ReplayFault {
            line: 2,
            reason: "is not UTF-8".to_owned()
        })
    );
    // What this version does not know is no fault.
    assert_eq!(replayed("a,1,Mood,good\n").streams.counts.asked, 0);
}

#[test]
fn kinds_of_errors_are_bounded() {
    let text: String = (0..ERRORS_MAX + 50)
        .map(|number| format!("a,1,ApiError,warning,500,http://a/{number}\n"))
        .collect();
    let end = replayed(&text);
    assert_eq!(end.kinds.len(), ERRORS_MAX + 1);
    assert_eq!(end.kinds[0], ("others".to_owned(), String::new(), 50));
    assert!(end.summary().ends_with("  … and 981 more\n"));
}

#[test]
fn an_empty_recording_is_none_established() {
    let end = replayed("");
    assert_eq!(end, Replayed::default());
    assert!(end.summary().contains("sessions established....: 0/0\n"));
}
