//! What users share of a run's data, whoever serves it.

use std::pin::Pin;

use bytes::Bytes;

/// An answer that may come from elsewhere.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, DataError>> + Send>>;

/// Why a call failed: the cases of the contract's `data.error-code`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// There is no asset or feeder of this name.
    #[error("{0}")]
    NoSuch(String),
    /// No more records for this user.
    #[error("the feeder has no more records for this user")]
    Exhausted,
    /// Opened before with another order.
    #[error("{0}")]
    Conflict(String),
    /// A name or key that cannot be one.
    #[error("{0}")]
    InvalidName(String),
    /// More than this many bytes.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// The store holds as much as it may.
    #[error("the store is full")]
    StoreFull,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What all users of a run share and change.
pub trait Shared: Send + Sync + 'static {
    /// The next position of a feeder's common cursor, counted from 0 without end.
    fn advance(&self, feeder: &str) -> Answer<u64>;

    /// A key's value.
    fn load(&self, key: &str) -> Answer<Option<Bytes>>;

    /// Set a key's value.
    fn store(&self, key: &str, value: Bytes) -> Answer<()>;

    /// Set a key's value if its present one is `expected`.
    fn compare_and_store(&self, key: &str, expected: Option<Bytes>, value: Bytes) -> Answer<bool>;

    /// Remove a key; whether it was there.
    fn remove(&self, key: &str) -> Answer<bool>;
}
