//! What a player says of lag and stalls is what happened: held to stalls and delays that a test inserts between it and a real server.

use std::time::Duration;

use lt_tests::Ran;
use lt_tests::ffmpeg::{self, Clip};
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::peers::Gate;

use super::{at, expect_checked, number, told, with_video};

/// How far a figure may be from the truth.
const TOLERANCE_MS: f64 = 100.0;

#[track_caller]
fn near(what: &str, value: Option<f64>, truth: Duration, ran: &Ran) {
    let truth = truth.as_secs_f64() * 1000.0;
    let value = value.unwrap_or_else(|| panic!("no {what}\n{ran}"));
    assert!(
        (value - truth).abs() < TOLERANCE_MS,
        "{what} is {value}, and {truth} is the truth\n{ran}"
    );
}

#[test]
fn heavy_an_inserted_stall_is_what_is_measured() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let publisher = ffmpeg::publish(&video, &nginx.stream_url("live", "stream"));
    nginx.await_publisher("live", "stream");
    let gate = Gate::to(nginx.port());
    let url = format!("rtmp://127.0.0.1:{}/live", gate.port());
    let running = at(&url, "rtmp_play")
        .set("time", "12s")
        .arguments("--users 10 --cores 2")
        .start();
    nginx.await_players("live", "stream", 10);
    std::thread::sleep(Duration::from_secs(2));
    let first = gate.hold_for(Duration::from_millis(1200));
    std::thread::sleep(Duration::from_secs(2));
    let second = gate.hold_for(Duration::from_millis(3500));
    let ran = running.finish().expect_clean();
    let summary = ran.summary();
    // Each of ten players had both.
    assert_eq!(summary.count("rtmp_stalls"), 20, "{ran}");
    near(
        "the longest stall",
        summary.value("rtmp_stall_duration", "max"),
        second,
        &ran,
    );
    near(
        "the shortest stall",
        summary.value("rtmp_stall_duration", "min"),
        first,
        &ran,
    );
    near(
        "the worst lag",
        summary.value("rtmp_lag", "max"),
        second,
        &ran,
    );
    let ends: Vec<Duration> = told(&ran, "gap_ms")
        .iter()
        .map(|gap| Duration::from_millis(gap.parse().unwrap()))
        .collect();
    assert_eq!(ends.len(), 20, "{ran}");
    for gap in ends {
        let truth = if gap < Duration::from_millis(2300) {
            first
        } else {
            second
        };
        near("a gap", Some(gap.as_secs_f64() * 1000.0), truth, &ran);
    }
    // Only the second was long enough to lag by more than three seconds, and it is over.
    for (event, count) in [
        ("stalled", 20),
        ("resumed", 20),
        ("lagged", 10),
        ("caught-up", 10),
    ] {
        let said = told(&ran, "event");
        let said = said.iter().filter(|found| *found == event).count();
        assert_eq!(said, count, "{event}\n{ran}");
    }
    assert_eq!(told(&ran, "healthy"), ["true"; 10], "{ran}");
    assert_eq!(told(&ran, "discontinuities"), ["0"; 10], "{ran}");
    for lag in told(&ran, "lag_ms") {
        assert!(lag.parse::<u64>().unwrap() < 200, "{lag}\n{ran}");
    }
    drop(publisher);
}

#[test]
fn a_stall_that_lasts_until_the_end_counts_too() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let publisher = ffmpeg::publish(&video, &nginx.stream_url("live", "stream"));
    nginx.await_publisher("live", "stream");
    let gate = Gate::to(nginx.port());
    let url = format!("rtmp://127.0.0.1:{}/live", gate.port());
    let running = at(&url, "rtmp_play").set("time", "5s").start();
    nginx.await_players("live", "stream", 1);
    std::thread::sleep(Duration::from_secs(1));
    gate.hold();
    let ran = running.finish().expect_clean();
    assert_eq!(ran.summary().count("rtmp_stalls"), 1, "{ran}");
    assert_eq!(told(&ran, "healthy"), ["false"], "{ran}");
    let stall = ran.summary().value("rtmp_stall_duration", "max");
    assert!(stall.is_some_and(|stall| stall > 2000.0), "{ran}");
    drop(publisher);
}

#[test]
fn a_delay_on_the_way_is_the_lag_from_end_to_end() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let gate = Gate::to(nginx.port());
    // nginx passes no data on: key frames are known again. With `meta copy` it passes metadata on.
    for (application, stamping) in [("live", "data-message"), ("meta", "metadata")] {
        for delay in [0, 400] {
            gate.delay(Duration::from_millis(delay));
            let ran = with_video(&nginx.url(application), "rtmp_pair", &video)
                .set("stamping", stamping)
                .set(
                    "play-url",
                    format!("rtmp://127.0.0.1:{}/{application}", gate.port()),
                )
                .arguments("--users 3")
                .finish();
            let ran = expect_checked(ran);
            let least = ran.summary().value("rtmp_end_to_end_lag", "min");
            near("the least lag", least, Duration::from_millis(delay), &ran);
            assert!(
                number(&ran, "end_to_end_ms") >= delay.cast_signed(),
                "{ran}"
            );
            // To be late is not to lag: what comes is as old as it always was.
            assert!(number(&ran, "lag_ms") < 200, "{ran}");
        }
    }
}
