//! `/` and `/page/…`: the page's files. They hold nothing of any run.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use lt_report::page;

use crate::app::AppState;
use crate::error::ApiError;
use crate::json::Path;

/// Routes of the page.
pub(crate) fn routes() -> Router<AppState> {
    let icon = format!("{}icon.svg", page::PREFIX);
    Router::new()
        .route("/", get(index))
        .route(&format!("{}{{name}}", page::PREFIX), get(file))
        .route(
            "/favicon.ico",
            get(move || async move { Redirect::permanent(&icon) }),
        )
}

async fn index() -> Response {
    let mut response = Html(page::index()).into_response();
    if let Ok(policy) = HeaderValue::from_str(&page::index_csp()) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A file; a browser that has this one is told so.
async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = page::asset(&name) else {
        return ApiError::not_found("file of the page", &name).into_response();
    };
    let known = headers.get(header::IF_NONE_MATCH);
    let is_known = known.is_some_and(|known| known.as_bytes() == asset.etag.as_bytes());
    let about = [
        (header::ETAG, asset.etag),
        // Asked for again each time, and sent again only after another build has been started.
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_TYPE, asset.content_type.to_owned()),
    ];
    if is_known {
        (StatusCode::NOT_MODIFIED, about).into_response()
    } else {
        (about, asset.bytes).into_response()
    }
}
