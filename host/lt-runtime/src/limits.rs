//! What one user may use: memory, tables, instances.

use lt_spec::limits::USER_HANDLES_MAX;
use wasmtime::ResourceLimiter;

/// Elements of all tables of one instance: a Rust component has some hundreds of function pointers.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// Bytes that may be handed from guest to host before they are freed again, per call.
pub(crate) const HANDLES_MAX: usize = USER_HANDLES_MAX;

/// Grants memory up to the user's limit and remembers a refusal, so that the trap that follows is counted as `memory`.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    memory_bytes_max: usize,
    refused: bool,
}

impl MemoryLimiter {
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes_max,
            refused: false,
        }
    }

    /// Whether growth was refused since the store was made.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory_bytes_max;
        self.refused |= !granted;
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= TABLE_ELEMENTS_MAX;
        self.refused |= !granted;
        Ok(granted)
    }
}
