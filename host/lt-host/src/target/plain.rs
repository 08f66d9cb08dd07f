//! Answers without a state: `/hello`, `/delay`, `/status`, `/fail`, `/redirect`, `/redirect-to`.

use std::time::Duration;

use hyper::StatusCode;

use super::random;
use super::reply::{self, Reply};
use super::router::parameter;

/// Longest delay: a minute is the default timeout of clients; longer delays only pile up connections.
pub(super) const DELAY_MS_MAX: u64 = 60_000;
/// Longest chain of redirects: far past what any client follows.
pub(super) const REDIRECTS_MAX: u32 = 1000;

/// `/hello`: the small answer that speed is measured with.
pub(super) fn hello() -> Reply {
    reply::text(StatusCode::OK, "hello\n")
}

/// `/delay/{ms}`: answers after so many milliseconds.
pub(super) async fn delay(ms: &str) -> Reply {
    match ms.parse() {
        Ok(ms) if ms <= DELAY_MS_MAX => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            reply::text(StatusCode::OK, format!("waited {ms} ms\n"))
        }
        _ => reply::bad_request(&format!("/delay takes milliseconds up to {DELAY_MS_MAX}")),
    }
}

/// `/status/{code}`: answers with this status.
pub(super) fn status(code: &str) -> Reply {
    match code
        .parse::<u16>()
        .ok()
        .filter(|code| (200..=599).contains(code))
        .map(StatusCode::from_u16)
    {
        // These have no body (RFC 9110, section 6.4.1).
        Some(Ok(
            code @ (StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED),
        )) => reply::text(code, ""),
        Some(Ok(code)) => reply::text(code, format!("{code}\n")),
        _ => reply::bad_request("/status takes a code from 200 to 599"),
    }
}

/// `/fail/{percent}`: answers 503 in so many of a hundred cases, at random.
pub(super) fn fail(percent: &str) -> Reply {
    match percent.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => {
            if random::happens(percent) {
                reply::text(StatusCode::SERVICE_UNAVAILABLE, "failed on purpose\n")
            } else {
                reply::text(StatusCode::OK, "went well\n")
            }
        }
        _ => reply::bad_request("/fail takes a percentage from 0 to 100"),
    }
}

/// `/redirect/{n}`: n redirects (302) by relative locations, then 200.
pub(super) fn redirect(count: &str) -> Reply {
    match count.parse::<u32>() {
        Ok(0) => reply::text(StatusCode::OK, "arrived\n"),
        Ok(count) if count <= REDIRECTS_MAX => {
            reply::redirect(StatusCode::FOUND, &format!("/redirect/{}", count - 1))
        }
        _ => reply::bad_request(&format!("/redirect takes a number up to {REDIRECTS_MAX}")),
    }
}

/// `/redirect-to?url=&status=`: one redirect anywhere, 302 unless told otherwise. An open redirect on purpose: do not
/// show this server to strangers.
pub(super) fn redirect_to(query: &str) -> Reply {
    let status = parameter(query, "status").map_or(Some(StatusCode::FOUND), |status| {
        status
            .parse::<u16>()
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
    });
    match (parameter(query, "url"), status) {
        (Some(url), Some(status)) if status.is_redirection() => reply::redirect(status, &url),
        _ => reply::bad_request("/redirect-to takes url, and a status from 300 to 399"),
    }
}
