//! What uploads of scenarios and files have in common: a bounded number at a time, and what their headers say.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ApiResult};

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Uploads {
    places: Arc<Semaphore>,
    limit: usize,
}

impl Uploads {
    /// So many at a time.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limit)),
            limit,
        }
    }

    /// A place, as long as it is held.
    ///
    /// # Errors
    /// `too_many`, if none is free.
    pub fn place(&self) -> ApiResult<OwnedSemaphorePermit> {
        let place = self.places.clone().try_acquire_owned();
        place.map_err(|_| {
            let message = format!("{} uploads are under way, which is the limit", self.limit);
            ApiError::too_many(message, 1)
                .remedy("wait, or start the host with a higher --max-uploads")
        })
    }

    /// Uploads under way, and how many there may be.
    #[must_use]
    pub fn taken(&self) -> (usize, usize) {
        let free = self.places.available_permits();
        (self.limit.saturating_sub(free), self.limit)
    }
}

/// How many bytes the caller says will come.
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Hold what came against the digest that the caller says it has.
///
/// # Errors
/// `invalid`, if it is another.
pub(crate) fn check_digest(headers: &HeaderMap, digest: &str) -> ApiResult<()> {
    const HEADER: &str = "x-content-sha256";
    let Some(wanted) = headers.get(HEADER) else {
        return Ok(());
    };
    let wanted = String::from_utf8_lossy(wanted.as_bytes());
    if wanted.trim().eq_ignore_ascii_case(digest) {
        return Ok(());
    }
    let message = format!("is not the SHA-256 of what came, which is {digest}");
    Err(ApiError::invalid_field(
        "X-Content-SHA256",
        wanted,
        message,
        "send the file again",
    ))
}

/// A moment as the API writes it: RFC 3339, UTC, to the second.
pub(crate) fn rfc3339(unix_ns: i64) -> String {
    let since = Duration::from_nanos(u64::try_from(unix_ns).unwrap_or(0));
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn another_digest_than_announced_is_refused() {
        let check = |wanted: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-content-sha256", HeaderValue::from_static(wanted));
            check_digest(&headers, "ab12").map_err(|error| error.code())
        };
        assert_eq!(check("AB12"), Ok(()));
        assert_eq!(check("ab13"), Err(Code::Invalid));
        assert!(check_digest(&HeaderMap::new(), "ab12").is_ok());
    }

    #[test]
    fn moments_are_in_utc() {
        assert_eq!(rfc3339(1_614_173_830_000_000_000), "2021-02-24T13:37:10Z");
        assert_eq!(rfc3339(-5), "1970-01-01T00:00:00Z");
    }
    use crate::error::Code;

    #[test]
    fn there_are_so_many_places_and_they_are_given_back() {
        let uploads = Uploads::new(2);
        let first = uploads.place().unwrap();
        let _second = uploads.place().unwrap();
        assert_eq!(uploads.taken(), (2, 2));
        assert_eq!(uploads.place().unwrap_err().code(), Code::TooMany);
        drop(first);
        assert_eq!(uploads.taken(), (1, 2));
        assert!(uploads.place().is_ok());
    }
}
