//! Streams against peers that write by hand.
