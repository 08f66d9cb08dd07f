//! Logging in as on a real site: `/login` hands out a form with a token bound to a session cookie, takes it back, and leads to
//! `/account`; `/logout` ends it.
//!
//! Any user name and password will do, as long as neither is empty: what is practised is the way, not the secret.

use std::fmt::Write;

use hyper::header::{HeaderMap, SET_COOKIE};
use hyper::{Method, StatusCode};

use super::mirror::cookie;
use super::reply::{self, Reply};
use super::router::parameter;
use super::sessions::{Session, USER_BYTES_MAX};
use super::{Shared, lock};

/// Name of the cookie.
const COOKIE: &str = "session";
/// What the cookie is besides its value.
const ATTRIBUTES: &str = "Path=/; HttpOnly; SameSite=Lax";

/// `/login`: GET shows the form, POST takes it.
pub(super) fn login(shared: &Shared, method: &Method, headers: &HeaderMap, body: &[u8]) -> Reply {
    match *method {
        Method::GET | Method::HEAD => show_form(shared, headers),
        Method::POST => take_form(shared, headers, body),
        _ => reply::method_not_allowed("GET, POST"),
    }
}

/// `/account`: a page for those who are logged in, 403 for others.
pub(super) fn account(shared: &Shared, headers: &HeaderMap) -> Reply {
    match session(shared, headers).and_then(|(_, session)| session.user) {
        Some(user) => {
            let user = escape(&user);
            let page = format!(
                "<h1>Account</h1>\n<p>Hello, <b id=\"user\">{user}</b>. <a href=\"/logout\">Log out</a></p>\n"
            );
            reply::html(StatusCode::OK, page)
        }
        None => reply::html(
            StatusCode::FORBIDDEN,
            "<h1>403</h1>\n<p>Not logged in. <a href=\"/login\">Log in</a></p>\n",
        ),
    }
}

/// `/logout`: ends the session and leads to `/`.
pub(super) fn logout(shared: &Shared, headers: &HeaderMap) -> Reply {
    if let Some(id) = cookie(headers, COOKIE) {
        lock(&shared.sessions).end(id);
    }
    let gone = format!("{COOKIE}=; Max-Age=0; {ATTRIBUTES}");
    reply::with(
        reply::redirect(StatusCode::SEE_OTHER, "/"),
        SET_COOKIE,
        &gone,
    )
}

fn show_form(shared: &Shared, headers: &HeaderMap) -> Reply {
    let known = session(shared, headers);
    let is_new = known.is_none();
    let (id, session) = known.unwrap_or_else(|| lock(&shared.sessions).begin(None));
    let page = reply::html(StatusCode::OK, form(&session.csrf_token));
    if is_new {
        with_session(page, &id)
    } else {
        page
    }
}

fn take_form(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Reply {
    let form = String::from_utf8_lossy(body);
    let field = |name| parameter(&form, name).unwrap_or_default();
    let Some((old_id, session)) = session(shared, headers) else {
        return reply::text(
            StatusCode::FORBIDDEN,
            "403: no session cookie; GET /login hands one out\n",
        );
    };
    if field("csrf_token") != session.csrf_token {
        return reply::text(
            StatusCode::FORBIDDEN,
            "403: the csrf_token is not the one of the form\n",
        );
    }
    let user = field("username");
    if user.is_empty() || user.len() > USER_BYTES_MAX || field("password").is_empty() {
        return reply::text(
            StatusCode::UNAUTHORIZED,
            "401: username and password must not be empty\n",
        );
    }
    let mut sessions = lock(&shared.sessions);
    // A new id on login, so that one planted before it is worth nothing.
    sessions.end(&old_id);
    let (id, _) = sessions.begin(Some(user));
    drop(sessions);
    with_session(reply::redirect(StatusCode::SEE_OTHER, "/account"), &id)
}

fn session(shared: &Shared, headers: &HeaderMap) -> Option<(String, Session)> {
    let id = cookie(headers, COOKIE)?;
    let session = lock(&shared.sessions).get(id)?.clone();
    Some((id.to_owned(), session))
}

fn with_session(reply: Reply, id: &str) -> Reply {
    reply::with(reply, SET_COOKIE, &format!("{COOKIE}={id}; {ATTRIBUTES}"))
}

fn form(csrf_token: &str) -> String {
    format!(
        r#"<!doctype html>
<title>Log in</title>
<h1>Log in</h1>
<form method="post" action="/login">
  <input type="hidden" name="csrf_token" value="{csrf_token}">
  <label>User <input name="username"></label>
  <label>Password <input name="password" type="password"></label>
  <button>Log in</button>
</form>
"#
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' | '>' | '&' | '"' | '\'' => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "&#{};", u32::from(char));
            }
            other => escaped.push(other),
        }
    }
    escaped
}
