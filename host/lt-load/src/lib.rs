//! When an iteration starts: knows no protocol and no wasm
