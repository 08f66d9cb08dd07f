//! Macros of lt-sdk.
