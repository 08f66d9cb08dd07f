//! The scenario `influencer-fans`: one publishes, many watch, with the streaming service and without it.

use std::path::Path;
use std::time::Duration;

use lt_tests::ffmpeg::Clip;
use lt_tests::guests::scenario;
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::peers::streaming::{self, Fault, Options, Step};
use lt_tests::peers::{Gate, StreamingPeer};
use lt_tests::{LtHost, Ran};
use serde_json::{Value, json};

/// How far a figure may be from the truth.
const TOLERANCE_MS: f64 = 100.0;

/// The scenario with this video and short times.
fn fans(video: &Path, options: &str) -> LtHost {
    LtHost::run_file(&scenario("influencer-fans"))
        .argument("--asset")
        .argument(format!("video={}", video.display()))
        .set("ramp", "10ms")
        .set("fans-start-after", "500ms")
        .arguments(options)
}

/// The same at this nginx, without the service.
fn direct(nginx: &NginxRtmp, video: &Path, options: &str) -> LtHost {
    fans(video, options).set("stream-url", nginx.stream_url("live", "stream"))
}

/// The same with the service.
fn served(nginx: &NginxRtmp, service: &StreamingPeer, video: &Path, options: &str) -> LtHost {
    fans(video, options)
        .set("api-url", service.url())
        .set("streams-api-url", service.url())
        .set("streams-api-token", streaming::STREAMS_TOKEN)
        .set("influencer-email", streaming::EMAIL)
        .set("influencer-token", streaming::OAUTH_TOKEN)
        .set("fan-password", "pass-of-a-fan")
        .set("code", streaming::CODE)
        .set("publish-url", nginx.stream_url("live", "{stream}"))
        .set(
            "redirect-url",
            format!("{}/redirect/live/{{stream}}", service.url()),
        )
        .set("source-name", "{stream}")
        .set("ready-poll-interval", "100ms")
        .set("keep-alive-interval", "1s")
}

fn service(nginx: &NginxRtmp, known_fans: u64) -> StreamingPeer {
    StreamingPeer::start(Options {
        polls: 3,
        base: nginx.stream_url("live", "_definst_"),
        known_fans,
        password: "pass-of-a-fan".to_owned(),
    })
}

/// What the scenario concludes: the last line of standard output.
#[track_caller]
fn conclusion(ran: &Ran) -> Value {
    let line = ran.stdout().lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{ran}"))
}

#[test]
fn heavy_two_hundred_fans_are_steady() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let ran = direct(
        &nginx,
        &video,
        "--users 201 --cores 2 --steady 5s --deadline 50s",
    )
    .finish()
    .expect_code(0);
    let said = conclusion(&ran);
    assert_eq!(
        said,
        json!({"sessions": 200, "established": 200, "errors": {}}),
        "{ran}"
    );
    let summary = ran.summary();
    assert_eq!(summary.value("steady_users", "max"), Some(201.0), "{ran}");
    assert_eq!(summary.value("rtmp_streams", "max"), Some(201.0), "{ran}");
    assert_eq!(summary.failures_in_all(), 0, "{ran}");
    assert_eq!(
        summary.0["conclusions"].as_array().map(Vec::len),
        Some(1),
        "{ran}"
    );
    nginx.await_stream("nobody", "live", "stream", |found| found.is_none());
}

#[test]
fn heavy_a_stream_that_is_cut_is_not_steady() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let gate = Gate::to(nginx.port());
    let running = direct(
        &nginx,
        &video,
        "--users 21 --cores 2 --steady 8s --deadline 20s",
    )
    .set(
        "watch-url",
        format!("rtmp://127.0.0.1:{}/live/stream", gate.port()),
    )
    .start();
    nginx.await_players("live", "stream", 20);
    std::thread::sleep(Duration::from_secs(2));
    gate.hold();
    let ran = running.finish().expect_code(111);
    assert_eq!(ran.summary().0["state"]["exit_code"], 111, "{ran}");
    let stalled = ran.summary().part("rtmp_streams", "state:stalled", "max");
    assert_eq!(stalled, Some(20.0), "{ran}");
    // The line is there all the same.
    assert_eq!(conclusion(&ran)["sessions"], 20, "{ran}");
}

#[test]
fn heavy_lag_is_the_stall_that_was_inserted() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let gate = Gate::to(nginx.port());
    let running = direct(&nginx, &video, "--users 41 --cores 2 --duration 15s")
        .set(
            "watch-url",
            format!("rtmp://127.0.0.1:{}/live/stream", gate.port()),
        )
        .start();
    nginx.await_players("live", "stream", 40);
    std::thread::sleep(Duration::from_secs(2));
    let truth = gate.hold_for(Duration::from_millis(2500)).as_secs_f64() * 1000.0;
    let ran = running.finish().expect_code(0);
    let summary = ran.summary();
    for (metric, value) in [
        ("rtmp_lag", "max"),
        ("rtmp_stall_duration", "max"),
        ("rtmp_stall_duration", "min"),
    ] {
        let found = summary.value(metric, value).unwrap();
        assert!(
            (found - truth).abs() < TOLERANCE_MS,
            "{metric} {value} is {found}, and {truth} is the truth\n{ran}"
        );
    }
    assert_eq!(summary.count("rtmp_stalls"), 40, "{ran}");
}

#[test]
fn all_steps_of_the_service_are_taken() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let service = service(&nginx, 0);
    let ran = served(
        &nginx,
        &service,
        &video,
        "--users 11 --steady 3s --deadline 50s",
    )
    .with_samples()
    .finish()
    .expect_code(0);
    assert_eq!(
        service.all_refused().into_iter().collect::<Vec<_>>(),
        [],
        "{ran}"
    );
    for (step, count) in [
        (Step::SignInInfluencer, 1),
        (Step::Alert, 1),
        (Step::SignUp, 10),
        (Step::UseCode, 10),
        (Step::Marketplace, 10),
        (Step::Relation, 10),
        (Step::Follow, 10),
        (Step::Join, 10),
        (Step::Leave, 10),
        (Step::Redirect, 10),
    ] {
        assert_eq!(service.served(step), count, "{step:?}\n{ran}");
    }
    assert!(service.served(Step::Poll) >= 4, "{ran}");
    // The first, and one a second.
    assert!(service.served(Step::KeepAlive) >= 3, "{ran}");
    assert_eq!((service.accounts(), service.followers()), (10, 10), "{ran}");
    assert_eq!(service.watchers().0, 0, "{ran}");
    let said = conclusion(&ran);
    assert_eq!(
        said,
        json!({"sessions": 10, "established": 10, "errors": {}}),
        "{ran}"
    );
    // No secret is told anywhere.
    for name in [
        "results/latest/summary.json",
        "results/latest/events.jsonl",
        "samples.csv",
    ] {
        let text = std::fs::read_to_string(ran.path(name)).unwrap();
        for secret in [
            streaming::STREAMS_TOKEN,
            streaming::OAUTH_TOKEN,
            "pass-of-a-fan",
        ] {
            assert!(!text.contains(secret), "{name} tells {secret}\n{ran}");
        }
    }
}

#[test]
fn fans_who_are_known_sign_in() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let service = service(&nginx, 50);
    let ran = served(
        &nginx,
        &service,
        &video,
        "--users 11 --percent-new 0 --steady 2s --deadline 50s",
    )
    .finish()
    .expect_code(0);
    assert_eq!(service.served(Step::SignIn), 10, "{ran}");
    assert_eq!(service.served(Step::SignUp), 0, "{ran}");
    assert_eq!(service.accounts(), 50, "{ran}");
}

#[test]
fn a_sign_in_that_is_refused_is_a_failed_request() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let service = service(&nginx, 50);
    service.fail(Step::SignIn, Fault::Status(403), Some(2));
    let ran = served(
        &nginx,
        &service,
        &video,
        "--users 6 --percent-new 0 --steady 2s --deadline 50s --out stream-csv=streams.csv",
    )
    .finish()
    .expect_code(0);
    let failed = ran.summary().value("http_req_failed", "rate");
    assert!(failed > Some(0.0), "{failed:?}\n{ran}");
    let url = format!("{}/api/v1/fans/sign_in", service.url());
    assert_eq!(
        conclusion(&ran)["errors"]["403"],
        json!({ url: 2 }),
        "{ran}"
    );
    let recorded = std::fs::read_to_string(ran.path("streams.csv")).unwrap();
    assert_eq!(
        recorded.matches("ApiError,critical,403,").count(),
        2,
        "{recorded}\n{ran}"
    );
}

#[test]
fn a_sign_in_that_finds_nobody_is_no_failed_request() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let service = service(&nginx, 0);
    let ran = served(
        &nginx,
        &service,
        &video,
        "--users 6 --percent-new 0 --steady 2s --deadline 50s",
    )
    .finish()
    .expect_code(0);
    assert_eq!(service.refused(Step::SignIn), 5, "{ran}");
    assert_eq!(service.served(Step::SignUp), 5, "{ran}");
    let failed = ran.summary().value("http_req_failed", "rate");
    assert_eq!(failed, Some(0.0), "{ran}");
}

#[test]
fn a_stream_key_is_told_nowhere() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    // Nobody listens there.
    let server = "rtmp://127.0.0.1:1/live";
    let shown_of = |name: &str| format!("{server}/{name}");
    for (publish_url, shown) in [
        (shown_of("{key}"), shown_of("{key}")),
        (
            shown_of("{stream}?key={key}"),
            shown_of(streaming::USERNAME),
        ),
    ] {
        let service = StreamingPeer::start(Options {
            polls: 1,
            base: shown_of("_definst_"),
            known_fans: 0,
            password: "pass-of-a-fan".to_owned(),
        });
        let options = "--users 2 --duration 3s --out stream-csv=streams.csv";
        let ran = fans(&video, options)
            .set("api-url", service.url())
            .set("streams-api-url", service.url())
            .set("streams-api-token", streaming::STREAMS_TOKEN)
            .set("influencer-email", streaming::EMAIL)
            .set("influencer-token", streaming::OAUTH_TOKEN)
            .set("fan-password", "pass-of-a-fan")
            .set("ready-poll-interval", "10ms")
            .set("publish-url", publish_url)
            .set("stream-key", "key-of-a-star")
            .finish();
        let refused = conclusion(&ran)["errors"]["connection-refused"].clone();
        assert!(refused[&shown].as_u64() > Some(0), "{shown}\n{ran}");
        let told = [ran.stdout(), ran.stderr()].concat();
        assert!(!told.contains("key-of-a-star"), "{ran}");
        for name in [
            "results/latest/summary.json",
            "results/latest/events.jsonl",
            "streams.csv",
        ] {
            let text = std::fs::read_to_string(ran.path(name)).unwrap();
            assert!(!text.contains("key-of-a-star"), "{name}: {text}\n{ran}");
        }
    }
}

#[test]
fn failures_of_the_service_are_told_by_code_and_url() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let service = service(&nginx, 0);
    service.fail(Step::Follow, Fault::Status(503), Some(3));
    let ran = served(
        &nginx,
        &service,
        &video,
        "--users 6 --steady 4s --deadline 50s",
    )
    .finish();
    let said = conclusion(&ran);
    let of_503 = said["errors"]["503"].as_object();
    let (url, count) = of_503
        .and_then(|urls| urls.iter().next())
        .unwrap_or_else(|| panic!("{said}\n{ran}"));
    assert!(url.ends_with("/api/v1/fan_influencers"), "{url}\n{ran}");
    assert_eq!(count, 3, "{ran}");
}

#[test]
fn a_keep_alive_that_fails_ends_the_run() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let service = service(&nginx, 0);
    let running = served(
        &nginx,
        &service,
        &video,
        "--users 3 --steady 30s --deadline 50s",
    )
    .start();
    nginx.await_players("live", streaming::USERNAME, 2);
    service.fail(Step::KeepAlive, Fault::Status(500), None);
    drop(running.finish().expect_code(108));
}

#[test]
fn secrets_have_no_default() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let ran = fans(&video, "--users 3 --duration 5s")
        .set("api-url", "http://127.0.0.1:1")
        .finish();
    assert!(ran.stderr().contains("token"), "{ran}");
    drop(ran.expect_code(100));
}
