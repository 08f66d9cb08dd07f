//! Clocks and waiting.

use lt_tests::LtHost;

#[test]
fn no_wait_ends_early() {
    let ran = LtHost::run("timing_waits")
        .arguments("--users 20 --iterations 40")
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("iterations"), 40);
}

#[test]
fn a_sleep_is_part_of_its_iteration() {
    let ran = LtHost::run("timing_sleep")
        .set("sleep", "50ms")
        .arguments("--users 4 --iterations 8")
        .finish()
        .expect_clean();
    let shortest = ran.summary().value("iteration_duration", "min").unwrap();
    assert!(
        shortest >= 50.0,
        "an iteration that sleeps 50 ms took {shortest} ms"
    );
}
