use super::*;

/// The key and answer of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn offer(subprotocols: &[&str]) -> Result<Offer, NetError> {
    Offer::new(subprotocols.iter().map(|&one| one.to_owned()).collect())
}

fn answer(fields: &[(&str, &str)]) -> Head {
    Head::from_fields(fields.iter().map(|(name, value)| (*name, value.as_bytes())))
}

fn good() -> Vec<(&'static str, &'static str)> {
    vec![
        ("Upgrade", "WebSocket"),
        ("Connection", "keep-alive, UPGRADE"),
        ("Sec-WebSocket-Accept", ACCEPT),
    ]
}

#[test]
fn the_answer_of_the_rfc_is_accepted() {
    let none = offer(&[]).unwrap();
    let accepted = none.accepted(Version::Http11, &answer(&good()), KEY);
    assert_eq!(accepted.as_deref(), Ok(""));
    let old = none.accepted(Version::Http10, &answer(&good()), KEY);
    assert!(old.unwrap_err().contains("HTTP/1.0"));
}

#[test]
fn every_fault_of_an_answer_is_named() {
    for (name, value, named) in [
        ("Upgrade", None, "no `upgrade` field"),
        ("Upgrade", Some("h2c"), "`h2c`"),
        ("Upgrade", Some("websocket, h2c"), "`websocket, h2c`"),
        ("Connection", None, "`connection`"),
        ("Connection", Some("upgrades"), "`connection`"),
        ("Sec-WebSocket-Accept", None, "no `sec-websocket-accept`"),
        ("Sec-WebSocket-Accept", Some("c3pP"), "`c3pP`"),
        (
            "Sec-WebSocket-Accept",
            Some("S3PPLMBITXAQ9KYGZZHZRBK+XOO="),
            "our key",
        ),
        ("Sec-WebSocket-Protocol", Some("chat"), "`chat`"),
        ("Sec-WebSocket-Protocol", Some(""), "``"),
        (
            "Sec-WebSocket-Extensions",
            Some("permessage-deflate"),
            "`permessage-deflate`",
        ),
    ] {
        let mut fields = good();
        fields.retain(|(other, _)| *other != name);
        fields.extend(value.map(|value| (name, value)));
        let refused = offer(&["other"])
            .unwrap()
            .accepted(Version::Http11, &answer(&fields), KEY)
            .unwrap_err();
        assert!(refused.contains(named), "{name} {value:?}: {refused}");
    }
    for twice in [("Upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)] {
        let mut fields = good();
        fields.push(twice);
        let accepted = offer(&[])
            .unwrap()
            .accepted(Version::Http11, &answer(&fields), KEY);
        assert!(accepted.unwrap_err().contains("several"), "{twice:?}");
    }
}

#[test]
fn what_a_server_writes_is_shown_in_part_only() {
    let mut fields = good();
    let long = "\u{1}".repeat(5000);
    fields[0].1 = &long;
    let refused = offer(&[])
        .unwrap()
        .accepted(Version::Http11, &answer(&fields), KEY);
    let text = refused.unwrap_err();
    assert!(
        text.len() < 600 && text.contains("\\x01") && text.contains('…'),
        "{text}"
    );
}

#[test]
fn the_subprotocol_is_one_of_those_offered() {
    let three = offer(&["a", "b", "v1.chat+json"]).unwrap();
    let mut fields = good();
    fields.push(("Sec-WebSocket-Protocol", "v1.chat+json"));
    let chosen = three.accepted(Version::Http11, &answer(&fields), KEY);
    assert_eq!(chosen.as_deref(), Ok("v1.chat+json"));
    fields.pop();
    let none = three.accepted(Version::Http11, &answer(&fields), KEY);
    assert_eq!(none.as_deref(), Ok(""));
    fields.push(("Sec-WebSocket-Protocol", "a, b"));
    let two = three.accepted(Version::Http11, &answer(&fields), KEY);
    assert!(two.unwrap_err().contains("`a, b`"));
}

#[test]
fn subprotocols_are_tokens_and_differ() {
    for bad in [&[""][..], &["a b"], &["a,b"], &["a", "b", "a"], &["naïve"]] {
        let error = offer(bad).unwrap_err();
        assert_eq!(error.code(), 1020);
        assert!(error.to_string().contains("subprotocols"), "{error}");
    }
    assert!(offer(&["a", "A"]).is_ok());
}

#[test]
fn fields_of_the_handshake_are_not_the_guests() {
    for name in RESERVED_FIELDS {
        let name = name.to_ascii_uppercase();
        let error = check_fields(&[("x".to_owned(), vec![]), (name.clone(), vec![])]).unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
        assert_eq!(error.code(), 1020);
    }
    let lawful = ["origin", "cookie", "authorization", "user-agent", "host"];
    let lawful = lawful.map(|name| (name.to_owned(), b"x".to_vec()));
    assert_eq!(check_fields(&lawful), Ok(()));
}

#[test]
fn keys_are_sixteen_bytes_and_never_the_same() {
    use base64::Engine as _;
    let (one, other) = (new_key(), new_key());
    assert_ne!(one, other);
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(one)
        .unwrap();
    assert_eq!(decoded.len(), 16);
}

#[test]
fn websocket_urls_are_reached_over_http() {
    for (url, http) in [
        ("ws://h/a?b#c", "http://h/a?b#c"),
        ("WSS://h:81/", "https://h:81/"),
        (" wss://h/", "https://h/"),
        ("http://h/", "http://h/"),
        ("/ws:/", "/ws:/"),
        ("w", "w"),
        ("", ""),
        ("ws", "ws"),
    ] {
        assert_eq!(http_url(url), http);
        assert_eq!(http_location(url.as_bytes()), http.as_bytes());
    }
    assert_eq!(http_location(b"ws://h/\xe9"), b"http://h/\xe9");
    for (http, ws) in [
        ("http://u:p@h:81/a?b#c", "ws://h:81/a?b"),
        ("https://h/", "wss://h/"),
    ] {
        assert_eq!(websocket_url(&Url::parse(http).unwrap()), ws);
    }
}

#[test]
fn secrets_of_a_url_stay_out_of_the_results() {
    for (url, public) in [
        (
            "ws://user:s3cret@a.example:80/x?y=@z#s3cret",
            "ws://a.example/x?y=@z",
        ),
        ("ws:/user:s3cret@a.example/", "ws://a.example/"),
        ("WS:user:s3cret@a.example", "ws://a.example/"),
        ("ws:\\\\user:s3cret@a.example\\x", "ws://a.example/x"),
        (" wss://u:s3c@ret@a.example:81?q", "wss://a.example:81/?q"),
        ("https://:s3cret@a.example/", "wss://a.example/"),
        ("ftp://user:s3cret@a.example/", ""),
        ("nonsense:s3cret", ""),
    ] {
        let request = ConnectRequest {
            url: url.to_owned(),
            ..ConnectRequest::default()
        };
        assert_eq!(request.public_url(), public, "{url}");
    }
}
