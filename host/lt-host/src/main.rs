//! The `lt-host` program.
fn main() {}
