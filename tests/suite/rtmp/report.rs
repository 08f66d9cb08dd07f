//! Before, during and after a run: what a scenario needs, what it calls, what the summary says, what thresholds hold it to, and the old
//! tester's rows.

use lt_tests::LtHost;
use lt_tests::ffmpeg::{self, Clip};
use lt_tests::guests::guest;
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::peers::RtmpPeer;

use super::{at, expect_checked, with_video};

#[test]
fn what_a_scenario_needs_is_listed() {
    for (name, needs) in [("rtmp_play", true), ("http_fetch", false)] {
        let file = guest(name);
        let file = file.to_str().unwrap();
        let ran = LtHost::new(&["describe", file]).finish().expect_code(0);
        let listed = ran.stdout().contains("lt:scenario/rtmp@0.1.0");
        assert_eq!(listed, needs, "{ran}");
    }
}

#[test]
fn every_call_is_shown_when_a_scenario_is_tried_once() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = with_video(&nginx.url("live"), "rtmp_pair", &video)
        .set("user", "someone")
        .set("password", "pass-word-1")
        .arguments("--once")
        .finish();
    let ran = expect_checked(ran);
    let mut lines = ran.stderr().lines();
    for part in [
        "rtmp.connection.connect(",
        "rtmp.connection.publish(",
        "rtmp.connection.connect(",
        "rtmp.connection.play(",
        "rtmp.publisher.publish-asset(",
        "timing.sleep(",
        "rtmp.player.statistics(",
        "rtmp.publisher.stop(",
        "rtmp.player.stop(",
    ] {
        assert!(
            lines.any(|line| line.contains(part)),
            "{part} is not shown, or not in its turn\n{ran}"
        );
    }
    drop(ran.expect_no_text("pass-word-1"));
}

#[test]
fn thresholds_and_the_section_of_the_summary() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = with_video(&nginx.url("live"), "rtmp_pair", &video)
        .arguments("--users 2 --threshold rtmp_lag:p(95)<1000 --threshold rtmp_lag{name:guest}:max<3000")
        .arguments("--threshold rtmp_streams{state:lagged}:value<1 --threshold rtmp_streams{state:playing}:value>1")
        .arguments("--threshold rtmp_stream_failed{direction:play}:rate<0.01")
        .arguments("--threshold rtmp_pacing_error:p(50)<100 --threshold rtmp_bitrate:avg>10")
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    for (metric, expression) in [
        ("rtmp_lag", "p(95)<1000"),
        ("rtmp_lag{name:guest}", "max<3000"),
        ("rtmp_streams{state:lagged}", "value<1"),
        ("rtmp_streams{state:playing}", "value>1"),
        ("rtmp_stream_failed{direction:play}", "rate<0.01"),
    ] {
        assert_eq!(
            summary.held(metric, expression),
            Some(true),
            "{metric}\n{ran}"
        );
    }
    for text in [
        "RTMP",
        "rtmp_connecting",
        "rtmp_first_frame",
        "rtmp_lag",
        "rtmp_end_to_end_lag",
        "rtmp_streams",
        "rtmp_bytes_sent",
        "rtmp_bytes_received",
        "rtmp_pacing_error",
    ] {
        assert!(ran.stdout().contains(text), "{text}\n{ran}");
    }
    // Each of two users sent and received the same, but for what was on its way at the end.
    let sent = summary.value("rtmp_bytes_sent", "count").unwrap();
    let received = summary.value("rtmp_bytes_received", "count").unwrap();
    assert!(
        (sent - received).abs() < sent / 4.0,
        "{sent} {received}\n{ran}"
    );
    // One that does not hold.
    let ran = with_video(&nginx.url("live"), "rtmp_pair", &video)
        .set("time", "2s")
        .arguments("--threshold rtmp_streams{state:playing}:value>5")
        .finish()
        .expect_code(99);
    drop(ran.expect_text("rtmp_streams{state:playing}"));
}

#[test]
fn streams_that_failed_are_still_asked_for() {
    let peer = RtmpPeer::start(|wire| {
        if wire.accept_player().is_some() && wire.connection != 0 {
            wire.frames(0, 100);
        }
    });
    // Nobody looks at what comes: the failed one stays until its user has slept.
    let ran = at(&peer.url("live"), "rtmp_play")
        .set("tell", false)
        .set("time", "4s")
        .arguments("--users 3")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.value("rtmp_streams", "max"), Some(3.0), "{ran}");
    let failed = summary.part("rtmp_streams", "state:failed", "max");
    assert_eq!(failed, Some(1.0), "{ran}");
}

#[test]
fn the_rows_of_the_old_tester() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let publisher = ffmpeg::publish(&video, &nginx.stream_url("live", "stream"));
    nginx.await_publisher("live", "stream");
    let ran = at(&nginx.url("live"), "rtmp_play")
        .set("time", "4s")
        .arguments("--users 2 --out stream-csv=rows.csv")
        .finish()
        .expect_clean();
    let text = std::fs::read_to_string(ran.path("rows.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    for user in ["user-1", "user-2"] {
        let of = |metric: &str| -> Vec<f64> {
            let rows = rows.iter().filter(|row| row[0] == user && row[2] == metric);
            rows.map(|row| row[3].parse().unwrap_or(0.0)).collect()
        };
        assert_eq!(of("StartTestOnMachine").len(), 1, "{text}");
        for metric in ["StreamProgressSeconds", "StreamProgressKiloBytes"] {
            let values = of(metric);
            assert!(values.len() >= 2, "{metric}: {text}");
            assert!(values.is_sorted(), "{metric}: {text}");
        }
        let last = *of("StreamProgressSeconds").last().unwrap();
        assert!((1.5..5.0).contains(&last), "{last}: {text}");
    }
    for metric in ["KiloBytesRecv", "KiloBytesSent", "CPUUsage"] {
        assert!(text.contains(&format!(",{metric},")), "{metric}: {text}");
    }
    for row in &rows {
        assert!(row.len() >= 4 && row[1].parse::<f64>().is_ok(), "{row:?}");
        assert!(
            row.last().is_some_and(|time| time.is_empty()
                || time.contains('T')
                || row[2].starts_with("Api")),
            "{row:?}"
        );
    }
    drop(publisher);
}
