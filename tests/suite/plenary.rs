//! The plenary server that the chat scenario is tested against, from outside: accounts, the event page, sockets and its log.
//! And that of npm's ws.

use std::io::{Read, Write};
use std::net::TcpStream;

use lt_tests::node::WsServer;
use lt_tests::plenary::Plenary;
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// One answer of a server, read as text.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    /// What a cookie is set to.
    fn cookie(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("Set-Cookie: {name}="))?;
        rest.split_once(';').map(|(value, _)| value.to_owned())
    }

    /// The token in its form, in quotes of this kind.
    fn token(&self, quote: char) -> String {
        let before = format!("name={quote}csrfmiddlewaretoken{quote} value={quote}");
        let (_, rest) = self
            .text
            .split_once(&before)
            .unwrap_or_else(|| panic!("no token in\n{}", self.text));
        rest.split_once(quote).unwrap().0.to_owned()
    }
}

/// One request on a connection of its own.
fn ask(port: u16, method: &str, path: &str, cookies: &str, form: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookies}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.get(9..12).and_then(|digits| digits.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {text:?}")),
        text,
    }
}

/// Sign up as the scenario does; the session's cookie.
fn sign_up(port: u16, user: &str) -> String {
    let page = ask(port, "GET", "/accounts/signup/", "", "");
    let csrf = page.cookie("csrftoken").unwrap();
    let form = format!(
        "csrfmiddlewaretoken={}&username={user}&email=&password1=password&password2=password",
        page.token('"')
    );
    let cookies = format!("csrftoken={csrf}");
    let answer = ask(port, "POST", "/accounts/signup/", &cookies, &form);
    assert_eq!(answer.status, 302, "{}", answer.text);
    format!("sessionid={}", answer.cookie("sessionid").unwrap())
}

/// Open a socket; without cookies if they are empty.
fn open(url: &str, cookies: &str) -> tungstenite::Result<WebSocket<TcpStream>> {
    let mut request = url.into_client_request().unwrap();
    if !cookies.is_empty() {
        let headers = request.headers_mut();
        headers.insert("cookie", cookies.parse().unwrap());
    }
    let address = request.uri().authority().unwrap().as_str().to_owned();
    let stream = TcpStream::connect(address).unwrap();
    tungstenite::client(request, stream)
        .map(|(socket, _)| socket)
        .map_err(|error| match error {
            tungstenite::HandshakeError::Failure(error) => error,
            tungstenite::HandshakeError::Interrupted(_) => panic!("the stream blocks"),
        })
}

/// The next message of this type.
fn next(socket: &mut WebSocket<TcpStream>, kind: &str) -> Value {
    loop {
        let message = socket.read().unwrap();
        if let Message::Text(text) = message {
            let value: Value = serde_json::from_str(&text).unwrap();
            if value["type"] == kind {
                return value["payload"].clone();
            }
        }
    }
}

fn send(socket: &mut WebSocket<TcpStream>, text: &str) {
    socket.send(Message::text(text)).unwrap();
}

#[test]
fn accounts_have_csrf_and_sessions() {
    let Some(server) = Plenary::start() else {
        return;
    };
    let port = server.port();

    let forged = ask(port, "POST", "/accounts/signup/", "", "username=eve");
    assert_eq!(forged.status, 403, "without a token");
    let ada = sign_up(port, "ada");

    let single = ask(port, "GET", "/accounts/signup/?quotes=single", "", "");
    let cookies = format!("csrftoken={}", single.cookie("csrftoken").unwrap());
    let token = single.token('\'');
    let form = format!(
        "csrfmiddlewaretoken={token}&username=ada&email=&password1=password&password2=password"
    );
    let taken = ask(port, "POST", "/accounts/signup/", &cookies, &form);
    assert_eq!(taken.status, 200);
    assert!(taken.text.contains("already exists"), "{}", taken.text);
    for (password, status) in [("wrong", 200), ("password", 302)] {
        let form = format!("csrfmiddlewaretoken={token}&login=ada&password={password}");
        let answer = ask(port, "POST", "/accounts/login/", &cookies, &form);
        assert_eq!(answer.status, status, "{password}: {}", answer.text);
    }

    let page = ask(port, "GET", "/event/test/", &ada, "");
    assert_eq!(page.status, 200);
    let (_, state) = page.text.split_once("window.__INITIAL_STATE__ = ").unwrap();
    let state: Value = serde_json::Deserializer::from_str(state)
        .into_iter()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(state["plenary"]["breakouts_open"], true);
    assert_eq!(state["breakouts"].as_array().unwrap().len(), 7);
    assert_eq!(state["auth"]["username"], "ada");
    assert_eq!(ask(port, "GET", "/event/none/", &ada, "").status, 404);
    let stranger = ask(port, "GET", "/event/test/", "", "");
    assert_eq!(stranger.status, 302);
    assert!(stranger.text.contains("Location: /accounts/login/?next="));

    let delete = ask(port, "GET", "/accounts/delete/", &ada, "");
    let cookies = format!("{ada}; csrftoken={}", delete.cookie("csrftoken").unwrap());
    let form = format!("csrfmiddlewaretoken={}", delete.token('"'));
    let deleted = ask(port, "POST", "/accounts/delete/", &cookies, &form);
    assert_eq!(deleted.status, 302);
    assert_eq!(ask(port, "GET", "/event/test/", &ada, "").status, 302);
    for event in ["signup", "login", "delete"] {
        assert_eq!(server.events(event).len(), 1, "{event}");
    }
}

#[test]
fn a_plenary_tells_everybody_and_keeps_account_of_it() {
    let Some(server) = Plenary::start() else {
        return;
    };
    let port = server.port();
    let [ada, bob] = ["ada", "bob"].map(|user| sign_up(port, user));
    let url = format!("ws://127.0.0.1:{port}/event/test");

    let refused = open(&url, "").unwrap_err();
    assert!(
        matches!(&refused, tungstenite::Error::Http(answer) if answer.status() == 403),
        "{refused}"
    );
    let mut first = open(&url, &ada).unwrap();
    assert_eq!(
        next(&mut first, "presence")["members"][0]["username"],
        "ada"
    );
    // With and without the slash it is the same room.
    let mut second = open(&format!("{url}/"), &bob).unwrap();
    for socket in [&mut first, &mut second] {
        let members = next(socket, "presence")["members"].clone();
        assert_eq!(members.as_array().unwrap().len(), 2);
    }

    send(&mut second, "\"heartbeat\"");
    send(
        &mut second,
        r#"{"type":"chat","payload":{"message":"<1 & 'two'>"}}"#,
    );
    for socket in [&mut first, &mut second] {
        let chat = next(socket, "chat");
        assert_eq!(chat["message"], "&lt;1 &amp; &#x27;two&#x27;&gt;");
        assert_eq!(chat["username"], "bob");
    }
    send(&mut first, "nonsense");
    assert_eq!(next(&mut first, "error")["error"], "Invalid JSON");
    second.close(None).unwrap();
    let left = next(&mut first, "presence");
    assert_eq!(left["members"].as_array().unwrap().len(), 1);

    let chats = server.await_events("chat", 1);
    assert_eq!(chats[0]["message"], "<1 & 'two'>");
    let mut delivered: Vec<_> = server
        .await_events("delivery", 2)
        .iter()
        .map(|line| (line["id"].clone(), line["user"].clone()))
        .collect();
    delivered.sort_by_key(|(_, user)| user.to_string());
    let id = &chats[0]["id"];
    assert_eq!(
        delivered,
        ["ada", "bob"].map(|user| (id.clone(), Value::from(user)))
    );
    let counts = ["join", "leave", "heartbeat"].map(|event| server.events(event).len());
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn breakouts_and_plenaries_refuse_whom_they_cannot_take() {
    let settings = [
        ("PLENARY_MAX_PARTICIPANTS", "1"),
        ("PLENARY_MAX_ATTENDEES", "1"),
    ];
    let Some(server) = Plenary::start_with(&settings) else {
        return;
    };
    let port = server.port();
    let [ada, bob] = ["ada", "bob"].map(|user| sign_up(port, user));
    let url = |path: &str| format!("ws://127.0.0.1:{port}{path}");

    let mut plenary = open(&url("/event/test/"), &ada).unwrap();
    next(&mut plenary, "presence");
    let mut late = open(&url("/event/test/"), &bob).unwrap();
    let Message::Close(Some(close)) = late.read().unwrap() else {
        panic!("no close with a code");
    };
    assert_eq!(u16::from(close.code), 4013);

    let mut breakout = open(&url("/breakout/1001"), &ada).unwrap();
    next(&mut breakout, "presence");
    let mut full = open(&url("/breakout/1001/"), &bob).unwrap();
    assert_eq!(next(&mut full, "error")["error_code"], "over-capacity");
    let mut other = open(&url("/breakout/1002/"), &ada).unwrap();
    assert_eq!(next(&mut other, "error")["error_code"], "already-connected");
    send(&mut other, r#"{"type":"DISCONNECTING_OTHERS"}"#);
    assert_eq!(
        next(&mut other, "presence")["members"][0]["username"],
        "ada"
    );
    assert_eq!(
        next(&mut breakout, "error")["error_code"],
        "already-connected"
    );
    let mut unknown = open(&url("/breakout/9/"), &ada).unwrap();
    assert_eq!(next(&mut unknown, "error")["error"], "Breakout not found");
    assert!(unknown.read().unwrap().is_close());
}

#[test]
fn a_killed_plenary_comes_back_on_its_port_with_its_sessions() {
    let Some(mut server) = Plenary::start() else {
        return;
    };
    let port = server.port();
    let ada = sign_up(port, "ada");
    let url = format!("ws://127.0.0.1:{port}/event/test/");
    let mut socket = open(&url, &ada).unwrap();
    next(&mut socket, "presence");
    server.kill();
    assert!(socket.read().is_err(), "a dead server says no goodbye");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    server.restart();
    assert_eq!(server.port(), port);
    let mut socket = open(&url, &ada).unwrap();
    next(&mut socket, "presence");
    assert_eq!(server.events("join").len(), 2);
}

#[test]
fn npm_ws_does_what_the_path_says() {
    let Some(server) = WsServer::start() else {
        return;
    };
    let mut echo = open(&server.url("/echo"), "").unwrap();
    send(&mut echo, "hello");
    assert_eq!(echo.read().unwrap(), Message::text("hello"));
    echo.close(None).unwrap();
    // Its answer; the connection has ended for the server only when we drop it too.
    assert!(echo.read().unwrap().is_close());
    drop(echo);
    let closed = server.await_closed(1);
    assert_eq!(closed[0]["messages"], 1);

    let mut closing = open(&server.url("/close?code=4001&reason=why"), "").unwrap();
    let Message::Close(Some(close)) = closing.read().unwrap() else {
        panic!("no close with a code");
    };
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (4001, "why")
    );
    let refused = open(&server.url("/refuse?status=503"), "").unwrap_err();
    assert!(
        matches!(&refused, tungstenite::Error::Http(answer) if answer.status() == 503),
        "{refused}"
    );
}
