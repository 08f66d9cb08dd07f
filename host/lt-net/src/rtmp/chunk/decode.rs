//! Reading chunks.
