//! Scenarios as virtual users: the only crate that names wasmtime
