//! What the macros accept, and what they say where they do not: the compiler's words are held in `fail/*.stderr`.
//! `TRYBUILD=overwrite cargo test -p lt-sdk --test macros` writes them anew; read them before they are committed.

#[test]
fn misuse_is_reported_where_it_stands() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
