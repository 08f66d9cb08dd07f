//! Every refusal and every rule that all calls share, asked of the whole server without a network.

use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::{get, post};
use lt_spec::limits::{IDEMPOTENCY_KEY_BYTES_MAX, SCENARIO_BYTES_MAX};
use tower::ServiceExt;

use super::testing::{Answer, Server};
use super::*;
use crate::auth::Token;

const WASM: (&str, &str) = ("content-type", "application/wasm");
const JSON: (&str, &str) = ("content-type", "application/json");

async fn upload(server: &Server, name: &str, body: impl Into<Body>) -> Answer {
    server
        .call("PUT", &format!("/v1/scenarios/{name}"), &[WASM], body)
        .await
}

#[tokio::test]
async fn what_is_not_there_is_told_with_a_code() {
    let server = Server::new("missing");
    for path in [
        "/v1/nothing",
        "/v1/scenarios/nobody",
        "/v1/scenarios/nobody/wasm",
        "/v1/scenarios/..%2f..%2fetc",
        "/v1/files/nothing",
        "/v1/files/%2e%2e",
        "/page/nothing.js",
        "/page/..%2f..%2fCargo.toml",
        "/v1/scenarios/a%00b",
    ] {
        let answer = server.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "not_found"),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
    }
    let answer = server.get("/v1/files/%ff").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "malformed"));
}

#[tokio::test]
async fn another_method_is_told_which_there_are() {
    let server = Server::new("methods");
    for (method, path, allowed) in [
        ("DELETE", "/v1/scenarios", "GET,HEAD"),
        ("OPTIONS", "/v1/scenarios/a", "GET,HEAD,PUT,DELETE"),
        ("POST", "/healthz", "GET,HEAD"),
        ("TRACE", "/v1/files/a", "GET,HEAD,PUT,DELETE"),
        ("POST", "/", "GET,HEAD"),
    ] {
        let answer = server.call(method, path, &[], Body::empty()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (405, "method_not_allowed"),
            "{method} {path}"
        );
        let mut allow: Vec<&str> = answer.header("allow").split(',').collect();
        let mut wanted: Vec<&str> = allowed.split(',').collect();
        allow.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(allow, wanted, "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_is_sealed() {
    let server = Server::new("sealed");
    for path in [
        "/",
        "/healthz",
        "/v1/scenarios",
        "/v1/nothing",
        "/api-docs/",
        "/page/app.js",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            "same-origin",
            "{path}"
        );
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
        assert!(!answer.header("cache-control").is_empty(), "{path}");
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control")),
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_token_nothing_of_a_run_is_told() {
    let server = Server::with("token", |config| config.token = Some(Token::new("s3cret")));
    let shown = |value: &'static str| [("authorization", value)];
    for path in [
        "/v1/scenarios",
        "/v1/runs",
        "/v1/nothing",
        "/metrics",
        "/nothing",
    ] {
        let none = server.get(path).await;
        let wrong = server
            .call("GET", path, &shown("Bearer wrong"), Body::empty())
            .await;
        for answer in [&none, &wrong] {
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (401, "unauthorized"),
                "{path}"
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        assert_eq!(none.bytes, wrong.bytes, "a caller learns what was wrong");
    }
    let answer = server
        .call(
            "GET",
            "/v1/scenarios",
            &shown("Bearer s3cret"),
            Body::empty(),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let put = server.call("PUT", "/v1/scenarios/a", &[WASM], "x").await;
    assert_eq!(put.code(), "unauthorized");
    for path in [
        "/",
        "/healthz",
        "/v1/openapi.json",
        "/page/app.js",
        "/api-docs/",
    ] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn other_names_and_other_sites_are_refused_before_all_else() {
    let server = Server::new("sites");
    for headers in [
        [("host", "evil.example"), ("accept", "*/*")],
        [("host", "localhost"), ("origin", "http://evil.example")],
        [("host", "localhost"), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = server.call("POST", "/v1/runs", &headers, "{}").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (403, "forbidden"),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn bodies_of_another_kind_are_refused() {
    let server = Server::new("bodies");
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let headers = [("content-type", content_type)];
        let answer = server
            .call("POST", "/v1/scenarios/a/rollback", &headers, "{}")
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (415, "unsupported_media_type"),
            "{content_type}"
        );
    }
    for body in ["", "{", "[]", "{\"digest\": 7}", "{\"other\": 7}"] {
        let answer = server
            .call("POST", "/v1/scenarios/a/rollback", &[JSON], body)
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "malformed"),
            "{body}"
        );
    }
    let answer = server
        .call(
            "PUT",
            "/v1/scenarios/a",
            &[("content-type", "text/plain")],
            "x",
        )
        .await;
    assert_eq!(answer.code(), "unsupported_media_type");
    let answer = server
        .get("/v1/scenarios/a/wasm?digest=00000000&other=1")
        .await;
    assert_eq!(answer.code(), "malformed");
}

#[tokio::test]
async fn what_is_no_scenario_is_refused_with_fault_and_remedy_and_leaves_nothing() {
    let server = Server::new("no-scenario");
    for (body, said) in [
        (&b"# a text"[..], "not a WebAssembly component"),
        (b"", "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "a core WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "another world"),
        (b"\0asm\x0d\0\x01\0\xff\xff", "not a valid component"),
    ] {
        let answer = upload(&server, "a", body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (422, "invalid"),
            "{said}"
        );
        let problem = &answer.body["error"]["problems"][0];
        assert!(
            problem["message"].as_str().unwrap().contains(said),
            "{problem}"
        );
        assert!(!problem["remedy"].as_str().unwrap().is_empty());
    }
    let form = "--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n# a text\r\n--x--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    let answer = server.call("PUT", "/v1/scenarios/a", &headers, form).await;
    assert_eq!(answer.code(), "invalid", "{}", answer.body);
    for broken in [
        "--x\r\n",
        "",
        "--x\r\ncontent-disposition: form-data; name=\"other\"\r\n\r\n7\r\n--x--\r\n",
    ] {
        let answer = server
            .call("PUT", "/v1/scenarios/a", &headers, broken)
            .await;
        assert_eq!(answer.code(), "malformed", "{broken}");
    }
    assert_eq!(
        server.get("/v1/scenarios").await.body["scenarios"],
        serde_json::json!([])
    );
    let data = server.scratch.path().join("data");
    for dir in ["tmp", "blobs/sha256", "scenarios"] {
        let left = std::fs::read_dir(data.join(dir)).unwrap().count();
        assert_eq!(left, 0, "{dir}");
    }
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let server = Server::new("names");
    for name in [
        "A",
        "..%2fa",
        "%2e%2e",
        "a%00",
        "a.wasm",
        "%3Cscript%3E",
        &"a".repeat(65),
    ] {
        let answer = upload(&server, name, "x").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (422, "invalid"),
            "{name}"
        );
        assert_eq!(answer.body["error"]["problems"][0]["field"], "name");
    }
    for name in [".a", "..%2fa", "a%2fb", "%3Cscript%3E"] {
        let answer = server
            .call("PUT", &format!("/v1/files/{name}"), &[], "x")
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (422, "invalid"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_upload_that_says_it_is_too_large_is_refused_before_it_is_read() {
    let server = Server::new("large");
    let length = (SCENARIO_BYTES_MAX + 1).to_string();
    let headers = [WASM, ("content-length", length.as_str())];
    let body = Body::from_stream(futures_util::stream::pending::<
        Result<axum::body::Bytes, std::io::Error>,
    >());
    let answer = server.call("PUT", "/v1/scenarios/a", &headers, body).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "too_large"));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_is_ended_and_uploads_are_bounded() {
    let server = Server::new("stall");
    let stalled = || {
        Body::from_stream(futures_util::stream::pending::<
            Result<axum::body::Bytes, std::io::Error>,
        >())
    };
    let slow = || server.call("PUT", "/v1/files/a", &[], stalled());
    let (first, second, third) = tokio::join!(slow(), slow(), slow());
    assert_eq!((first.status.as_u16(), first.code()), (408, "timeout"));
    assert_eq!(second.code(), "timeout");
    assert_eq!((third.status.as_u16(), third.code()), (429, "too_many"));
    assert_eq!(third.header("retry-after"), "1");
    assert_eq!(
        server.call("PUT", "/v1/files/a", &[], "x").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn files_are_kept_replaced_and_removed() {
    let server = Server::new("files");
    let put = |body: &'static str, headers: &'static [(&'static str, &'static str)]| {
        server.call("PUT", "/v1/files/accounts.csv", headers, body)
    };
    let first = put("a,b\n", &[]).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let digest = first.body["digest"].as_str().unwrap().to_owned();
    assert_eq!(first.header("etag"), format!("\"{digest}\""));
    assert_eq!(
        (
            first.body["size_bytes"].as_u64(),
            first.body["uploaded_at"].as_str()
        ),
        (Some(4), Some("2021-02-24T13:37:10Z"))
    );
    assert_eq!(put("a,b\n", &[]).await.status, StatusCode::OK);
    let stale = put("x", &[("if-match", "\"0000\"")]).await;
    assert_eq!(
        (stale.status.as_u16(), stale.code()),
        (409, "stale_version")
    );
    let wrong = put("x", &[("x-content-sha256", "0000")]).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (422, "invalid"));

    let read = server.get("/v1/files/accounts.csv").await;
    assert_eq!(read.bytes, "a,b\n");
    assert_eq!(read.header("content-disposition"), "attachment");
    assert_eq!(
        server
            .app
            .files
            .path("accounts.csv")
            .unwrap()
            .file_name()
            .unwrap()
            .to_str(),
        Some(digest.as_str())
    );
    assert_eq!(put("c\n", &[]).await.status, StatusCode::OK);
    assert_eq!(
        server.get("/v1/files").await.body["files"][0]["size_bytes"],
        2
    );

    let stale = server
        .call(
            "DELETE",
            "/v1/files/accounts.csv",
            &[("if-match", "\"0\"")],
            "",
        )
        .await;
    assert_eq!(stale.code(), "stale_version");
    let gone = server
        .call("DELETE", "/v1/files/accounts.csv", &[], "")
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(
        server.get("/v1/files/accounts.csv").await.code(),
        "not_found"
    );
    let blobs = server.scratch.path().join("data/blobs/sha256");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0);
}

#[tokio::test]
async fn files_survive_a_restart() {
    let mut server = Server::new("restart");
    let sent = server.call("PUT", "/v1/files/a", &[], "abc").await;
    let left_by_a_crash = server.scratch.path().join("data/blobs/sha256/feed");
    std::fs::write(&left_by_a_crash, "half").unwrap();
    std::fs::write(server.scratch.path().join("data/files/torn.json"), "{").unwrap();
    server.restart();
    assert_eq!(
        server.get("/v1/files").await.body["files"],
        serde_json::json!([sent.body])
    );
    assert_eq!(server.get("/v1/files/a").await.bytes, "abc");
    assert!(!left_by_a_crash.exists());
    assert!(
        server
            .scratch
            .path()
            .join("data/damaged/torn.json")
            .exists()
    );
}

/// The layers around handlers of the test's own.
fn around(app: &AppState, handlers: Router<AppState>) -> Router {
    layered(handlers, app.clone())
}

async fn post_keyed(router: &Router, key: &str, body: &'static str) -> (u16, String, bool) {
    let request = Request::builder()
        .method("POST")
        .uri("/count")
        .header("host", "localhost");
    let request = request
        .header("idempotency-key", key)
        .body(Body::from(body))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, is_replay) = (
        response.status().as_u16(),
        response.headers().contains_key("idempotent-replay"),
    );
    let body = axum::body::to_bytes(response.into_body(), 1000)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap(), is_replay)
}

#[tokio::test]
async fn a_repeated_call_happens_once() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let server = Server::new("idempotent");
    let count = Arc::new(AtomicU32::new(0));
    let handler = move |body: String| async move {
        if body == "refuse" {
            return Err(ApiError::conflict("no"));
        }
        Ok(count.fetch_add(1, Ordering::Relaxed).to_string())
    };
    let router = around(&server.app, Router::new().route("/count", post(handler)));
    assert_eq!(
        post_keyed(&router, "k", "add").await,
        (200, "0".to_owned(), false)
    );
    assert_eq!(
        post_keyed(&router, "k", "add").await,
        (200, "0".to_owned(), true)
    );
    assert_eq!(
        post_keyed(&router, "l", "add").await,
        (200, "1".to_owned(), false)
    );
    let (status, text, _) = post_keyed(&router, "k", "other").await;
    assert!(status == 409 && text.contains("\"conflict\""), "{text}");
    assert_eq!(post_keyed(&router, "m", "refuse").await.0, 409);
    // Nothing happened under that key: it is free.
    assert_eq!(
        post_keyed(&router, "m", "add").await,
        (200, "2".to_owned(), false)
    );
    let long = "k".repeat(IDEMPOTENCY_KEY_BYTES_MAX + 1);
    assert_eq!(post_keyed(&router, &long, "add").await.0, 422);
}

#[tokio::test]
async fn a_panic_is_an_answer_that_tells_nothing() {
    async fn fails() -> &'static str {
        panic!("with /a/secret/path")
    }
    let server = Server::new("panic");
    let router = around(&server.app, Router::new().route("/fails", get(fails)));
    let request = Request::builder()
        .uri("/fails")
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::body::to_bytes(response.into_body(), 1000)
        .await
        .unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(
        body.contains("\"internal\"") && !body.contains("secret"),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn requests_are_bounded_in_number_and_in_time() {
    let server = Server::new("places");
    let router = around(
        &server.app,
        Router::new().route("/never", get(std::future::pending::<()>)),
    );
    let call = || {
        let request = Request::builder()
            .uri("/never")
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        router.clone().oneshot(request)
    };
    let calls = (0..API_REQUESTS_MAX + 3).map(|_| call());
    let answers = futures_util::future::join_all(calls).await;
    let of = |status| {
        answers
            .iter()
            .filter(|answer| answer.as_ref().unwrap().status() == status)
            .count()
    };
    assert_eq!(of(StatusCode::INTERNAL_SERVER_ERROR), API_REQUESTS_MAX);
    assert_eq!(of(StatusCode::TOO_MANY_REQUESTS), 3);
    assert_eq!(server.app.places.available_permits(), API_REQUESTS_MAX);
}
