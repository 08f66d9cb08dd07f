//! Recorded runs are shown again: ours, and those of the old tester.

use lt_tests::LtHost;
use lt_tests::ffmpeg::{self, Clip};
use lt_tests::nginx_rtmp::NginxRtmp;

use super::at;

/// What the old tester left: five columns, no absolute time.
const OLD: &str = "\
testfan1,0,StartTestOnMachine,machine-1
testfan1,1,ApiRequest,machine-1
testfan1,2,StreamProgressKiloBytes,60.5
testfan1,2,StreamProgressSeconds,0.9
testfan2,0,StartTestOnMachine,machine-1
testfan2,1,ApiRequest,machine-1
testfan2,1,ApiError,warning,503,http://api.test/fans
testfan1,3,StreamProgressKiloBytes,130.5
testfan1,3,StreamProgressSeconds,1.9
machine-1,2,KiloBytesSent,12.5
machine-1,2,KiloBytesRecv,130
machine-1,2,CPUUsage,7.5
";

#[test]
fn what_was_recorded_is_shown_again() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let publisher = ffmpeg::publish(&video, &nginx.stream_url("live", "stream"));
    nginx.await_publisher("live", "stream");
    let recorded = at(&nginx.url("live"), "rtmp_play")
        .set("time", "4s")
        .arguments("--users 3 --out stream-csv=rows.csv")
        .finish()
        .expect_clean();
    drop(publisher);
    let file = recorded.path("rows.csv");
    let replay = LtHost::new(&["report", "--speed", "max", "--replay"]).argument(file);
    let ran = replay.finish().expect_code(0);
    assert!(ran.stdout().contains("3/3"), "{ran}");
    drop(ran.expect_text("sessions established"));
}

#[test]
fn what_the_old_tester_recorded_is_shown_too() {
    let replay = LtHost::new(&["report", "--speed", "max", "--replay", "old.csv"]);
    replay.file("old.csv", OLD);
    let ran = replay.finish().expect_code(0);
    let ran = ran.expect_text("sessions established").expect_text("503");
    assert!(ran.stdout().contains("1/2"), "{ran}");
    // A line that is none is named.
    let replay = LtHost::new(&["report", "--speed", "max", "--replay", "old.csv"]);
    replay.file(
        "old.csv",
        format!("{OLD}testfan1,soon,StreamProgressSeconds,3\n"),
    );
    drop(replay.finish().expect_code(104).expect_text("13"));
}
