//! What was measured: pure values, no I/O
