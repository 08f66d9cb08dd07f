//! The generator watches itself: it says what it used, and that its numbers cannot be trusted when it was short of something.

use lt_tests::LtHost;

#[test]
fn every_run_tells_what_the_generator_used() {
    let ran = LtHost::run("timing_sleep")
        .arguments("--users 3 --duration 1500ms")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    for share in ["generator_cpu", "generator_descriptors"] {
        let most = summary.value(share, "max").unwrap_or(-1.0);
        assert!(most > 0.0, "{share} is {most}\n{ran}");
    }
    assert!(summary.value("start_lag", "max").is_some(), "{ran}");
}

#[test]
fn a_generator_that_is_too_slow_says_so() {
    // Each user asks for half of the only core: four are twice too many, on any machine.
    let ran = LtHost::run("saturation_spin")
        .set("busy", "50ms")
        .arguments("--users 4 --cores 1 --duration 3s --repeat-interval 100ms")
        .finish()
        .expect_clean()
        .expect_text("SATURATED");
    let warnings = ran.summary().warnings();
    for text in [
        "this host could not keep up",
        "iterations started more than 50ms late",
    ] {
        assert!(warnings.contains(text), "no {text:?} in\n{warnings}\n{ran}");
    }
    assert!(
        ran.summary().value("start_lag", "max") > Some(50.0),
        "{ran}"
    );
}
