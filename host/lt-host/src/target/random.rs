//! Random numbers: for failing now and then, and for tokens.

use rand::RngExt;

/// True in so many of a hundred cases.
pub(super) fn happens(percent: f64) -> bool {
    rand::rng().random_range(0.0..100.0) < percent
}

/// A token of 128 random bits, in hexadecimal.
pub(super) fn token() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}
