//! What one user may use: memory, tables, instances.

use lt_spec::limits::{
    COMPONENT_CORE_INSTANCES_MAX, USER_HANDLES_MAX, USER_MEMORIES_MAX, USER_TABLES_MAX,
};
use wasmtime::ResourceLimiter;

/// Elements of all tables of one user: a Rust component has some hundreds of function pointers.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// Bytes that may be handed from guest to host before they are freed again, per call.
pub(crate) const HANDLES_MAX: usize = USER_HANDLES_MAX;

/// Grants memory up to the user's limit, all memories together, and remembers a refusal, so that the trap that follows is counted as `memory`.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    memory_bytes_left: usize,
    table_elements_left: usize,
    refused: bool,
}

impl MemoryLimiter {
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes_left: memory_bytes_max,
            table_elements_left: TABLE_ELEMENTS_MAX,
            refused: false,
        }
    }

    /// Whether growth was refused since the store was made.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

/// Take what something grows by out of what is left.
fn take(left: &mut usize, current: usize, desired: usize) -> bool {
    let grown = left.checked_sub(desired.saturating_sub(current));
    *left = grown.unwrap_or(*left);
    grown.is_some()
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = take(&mut self.memory_bytes_left, current, desired);
        self.refused |= !granted;
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = take(&mut self.table_elements_left, current, desired);
        self.refused |= !granted;
        Ok(granted)
    }

    fn instances(&self) -> usize {
        usize::try_from(COMPONENT_CORE_INSTANCES_MAX).unwrap_or(usize::MAX)
    }

    fn tables(&self) -> usize {
        USER_TABLES_MAX
    }

    fn memories(&self) -> usize {
        USER_MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_memories_take_together_is_bounded() {
        let mut limiter = MemoryLimiter::new(100);
        let mut grow = |current, desired| limiter.memory_growing(current, desired, None).unwrap();
        assert!(grow(0, 60), "the first");
        assert!(!grow(0, 60), "another of the same size");
        assert!(grow(0, 20), "a smaller one");
        assert!(grow(60, 80), "the first again, up to the limit");
        assert!(!grow(80, 81), "and not over it");
        assert!(limiter.refused());
    }

    #[test]
    fn tables_are_bounded_together_too() {
        let mut limiter = MemoryLimiter::new(0);
        let mut grow = |desired| limiter.table_growing(0, desired, None).unwrap();
        assert!(grow(TABLE_ELEMENTS_MAX - 1));
        assert!(!grow(2));
        assert!(grow(1));
        assert!(!grow(usize::MAX));
    }
}
