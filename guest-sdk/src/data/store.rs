//! The run's store of keys and values, which all users share.

use super::{Error, Result};
use crate::bindings::lt::scenario::data as host;

/// The value of a key (at most 1 024 bytes).
///
/// # Errors
/// If the key is empty or too long.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// let picture = lt_sdk::data::load("picture-of-7")?;
/// # Ok(())
/// # }
/// ```
pub fn load(key: &str) -> Result<Option<Vec<u8>>> {
    Ok(host::load(key)?)
}

/// The value of a key, as text.
///
/// # Errors
/// If the key is empty or too long, or the value is no UTF-8.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// if let Some(session) = lt_sdk::data::load_text("session-of-7")? {
///     lt_sdk::http::set_cookie("http://127.0.0.1:8080/", &format!("session={session}"))?;
/// }
/// # Ok(())
/// # }
/// ```
pub fn load_text(key: &str) -> Result<Option<String>> {
    match host::load(key)? {
        Some(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| Error::NotText),
        None => Ok(None),
    }
}

/// Set a key's value (at most 1 MiB), bytes or text. With `--state-file` it is there again in the next run.
///
/// # Errors
/// If the key is empty or too long, the value is too large, or the store is full.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// lt_sdk::data::store("session-of-7", "c0ffee")?;
/// # Ok(())
/// # }
/// ```
pub fn store(key: &str, value: impl AsRef<[u8]>) -> Result<()> {
    Ok(host::store(key, value.as_ref())?)
}

/// Set a key's value if its present value is the one expected (`None`: if it has no value). Returns whether it was.
///
/// # Errors
/// Those of [`store`].
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// let first = lt_sdk::data::compare_and_store("leader", None, "7")?;
/// # Ok(())
/// # }
/// ```
pub fn compare_and_store(
    key: &str,
    expected: Option<&[u8]>,
    value: impl AsRef<[u8]>,
) -> Result<bool> {
    Ok(host::compare_and_store(key, expected, value.as_ref())?)
}

/// Change a key's value by what it is, again if another user was faster. Returns the new value.
///
/// # Errors
/// Those of [`store`].
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// let visits = lt_sdk::data::update("visits", |old| {
///     let old: u64 = old.and_then(|old| std::str::from_utf8(old).ok()?.parse().ok()).unwrap_or(0);
///     (old + 1).to_string().into_bytes()
/// })?;
/// # Ok(())
/// # }
/// ```
pub fn update(key: &str, mut change: impl FnMut(Option<&[u8]>) -> Vec<u8>) -> Result<Vec<u8>> {
    loop {
        let old = host::load(key)?;
        let new = change(old.as_deref());
        if host::compare_and_store(key, old.as_deref(), &new)? {
            return Ok(new);
        }
    }
}

/// Remove a key. Returns whether it was there.
///
/// # Errors
/// If the key is empty or too long.
///
/// ```no_run
/// # fn leave() -> lt_sdk::Result<()> {
/// lt_sdk::data::remove("session-of-7")?;
/// # Ok(())
/// # }
/// ```
pub fn remove(key: &str) -> Result<bool> {
    Ok(host::remove(key)?)
}
