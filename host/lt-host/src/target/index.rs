//! The page at `/`: what there is, for a person who opens the server in a browser.

use std::fmt::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use hyper::StatusCode;

use super::reply::{self, Reply};

/// Every route: its path, an address to try it at, and what it does.
pub(super) const ROUTES: [(&str, &str, &str); 31] = [
    ("/", "/", "this page"),
    (
        "/hello",
        "/hello",
        "a few bytes of text, the route to measure speed with",
    ),
    (
        "/delay/{ms}",
        "/delay/500",
        "answers after so many milliseconds, at most 60000",
    ),
    (
        "/status/{code}",
        "/status/418",
        "answers with this status, 200 to 599",
    ),
    (
        "/fail/{percent}",
        "/fail/20",
        "answers 503 in so many of a hundred cases, at random",
    ),
    (
        "/redirect/{n}",
        "/redirect/3",
        "redirects n times, at most 1000, then answers 200",
    ),
    (
        "/redirect-to?url=&status=",
        "/redirect-to?url=/hello&status=307",
        "one redirect to this URL, 302 unless told otherwise",
    ),
    (
        "/bytes/{n}",
        "/bytes/1000",
        "n bytes with a content-length, at most 2 GiB",
    ),
    (
        "/stream/{n}",
        "/stream/10",
        "n chunks, one each 100 ms, at most 600",
    ),
    (
        "/drip?bytes=&ms=",
        "/drip?bytes=10&ms=2000",
        "so many bytes, evenly over so many milliseconds",
    ),
    (
        "/close",
        "/close",
        "promises 1000 bytes, sends 10, and closes the connection",
    ),
    (
        "/headers",
        "/headers",
        "the header fields of the request, as JSON",
    ),
    (
        "/echo",
        "/echo?a=1",
        "the whole request, any method, as JSON; bodies up to 1 MiB",
    ),
    (
        "/cookies",
        "/cookies",
        "the cookies of the request, as JSON",
    ),
    (
        "/cookies/set?name=value",
        "/cookies/set?flavour=oat",
        "sets these cookies and leads to /cookies",
    ),
    ("/gzip", "/gzip", "JSON with content-encoding gzip"),
    ("/deflate", "/deflate", "JSON with content-encoding deflate"),
    ("/br", "/br", "JSON with content-encoding br"),
    ("/zstd", "/zstd", "JSON with content-encoding zstd"),
    (
        "/login",
        "/login",
        "GET: a form with a hidden csrf_token bound to a session cookie; POST username, password, csrf_token: 303 to /account, 403 for a wrong token",
    ),
    (
        "/account",
        "/account",
        "a page for those who are logged in, else 403",
    ),
    ("/logout", "/logout", "ends the session and leads to /"),
    (
        "/items",
        "/items",
        "GET: the newest items, as JSON; POST: adds a JSON object, 201, or 400 if it is none",
    ),
    ("/items/{id}", "/items/1", "GET, PUT, DELETE: one item"),
    (
        "/ws/echo",
        "/ws/echo",
        "WebSocket: sends back what comes, up to 16 MiB; subprotocol echo",
    ),
    (
        "/ws/chat/{room}?presence=&name=",
        "/ws/chat/lobby",
        "WebSocket: {\"type\":\"chat\",\"payload\":{\"message\":…}} goes to all in the room, the sender included; presence is count, full or off",
    ),
    (
        "/ws/stats",
        "/ws/stats",
        "what went over all WebSockets, as JSON; slow counts clients that were dropped because they did not take what was sent to them",
    ),
    (
        "/accounts/signup/",
        "/accounts/signup/",
        "the plenary chat: GET: a form with a csrfmiddlewaretoken bound to a cookie; POST: 302 and a sessionid cookie, or 200 with what was wrong; ?quotes=single",
    ),
    (
        "/accounts/login/",
        "/accounts/login/",
        "the same with login and password",
    ),
    (
        "/event/{slug}/",
        "/event/test/",
        "for those with an account: the page of the event test or other, with window.__INITIAL_STATE__; as a WebSocket its chat, with the list of all members at each coming and going",
    ),
    (
        "/breakout/{id}/",
        "/breakout/1001/",
        "WebSocket: one of its breakouts, for ten; who is in one is refused in another",
    ),
];

/// `/`.
pub(super) fn page() -> Reply {
    static PAGE: OnceLock<Bytes> = OnceLock::new();
    reply::html(StatusCode::OK, PAGE.get_or_init(|| render().into()).clone())
}

fn render() -> String {
    let mut page = String::from(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>lt-host target</title>\n\
         <style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}td{padding:.2em 1em .2em 0;vertical-align:top}</style>\n\
         <h1>lt-host target</h1>\n\
         <p>A server to practise load tests on. Each route can be tried here; point a scenario at any of them.</p>\n<table>\n",
    );
    for (path, example, what) in ROUTES {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "<tr><td><a href=\"{example}\"><code>{path}</code></a></td><td>{what}</td></tr>"
        );
    }
    page.push_str("</table>\n");
    page
}
