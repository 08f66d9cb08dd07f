//! What a test needs of its machine and may not find: on a developer's machine such a test is skipped, in CI it fails.

/// Say what is missing, and panic where nothing may be skipped. `what` reads on from "this test needs".
pub fn skip(what: &str, remedy: &str) {
    assert!(
        !strict(),
        "this test needs {what}, and in CI nothing is skipped (remedy: {remedy})"
    );
    eprintln!("SKIPPED: this test needs {what} (remedy: {remedy})");
}

/// Whether something missing is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own switches, not a setting of the product"
)]
fn strict() -> bool {
    ["CI", "LT_TEST_STRICT"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
}
