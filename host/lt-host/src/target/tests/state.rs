//! Routes that show the request, compress, or remember something.

use super::*;

#[test]
fn a_request_is_shown_as_it_came() {
    with_server(|address| async move {
        let echo = ask(
            address,
            "PATCH",
            "/echo?a=1",
            "X-Twice: 1\r\nX-Twice: 2\r\n",
            "the body",
        )
        .await
        .json();
        assert_eq!(
            (echo["method"].as_str(), echo["target"].as_str()),
            (Some("PATCH"), Some("/echo?a=1"))
        );
        assert_eq!(
            (echo["body"].as_str(), echo["length"].as_u64()),
            (Some("the body"), Some(8))
        );
        let headers = ask(
            address,
            "GET",
            "/headers",
            "X-Twice: 1\r\nX-Twice: 2\r\n",
            "",
        )
        .await
        .json();
        for fields in [&echo["headers"], &headers["headers"]] {
            let twice: Vec<_> = fields
                .as_array()
                .unwrap()
                .iter()
                .filter(|field| field[0] == "x-twice")
                .collect();
            assert_eq!(
                (twice.len(), &twice[0][1], &twice[1][1]),
                (2, &"1".into(), &"2".into())
            );
        }
        let long = "x".repeat(router::READ_BODY_BYTES_MAX + 1);
        assert_eq!(ask(address, "POST", "/echo", "", &long).await.status, 413);
    });
}

#[test]
fn cookies_are_set_and_shown() {
    with_server(|address| async move {
        let set = get(address, "/cookies/set?a=1&b=x").await;
        assert_eq!(
            (set.status, set.header("location"), set.cookie()),
            (302, Some("/cookies"), "a=1")
        );
        assert_eq!(
            set.headers
                .iter()
                .filter(|(name, _)| name == "set-cookie")
                .count(),
            2
        );
        let shown = ask(address, "GET", "/cookies", "cookie: a=1; b=x=y\r\n", "")
            .await
            .json();
        assert_eq!(
            shown["cookies"],
            serde_json::json!({ "a": "1", "b": "x=y" })
        );
        for bad in [
            "/cookies/set?a=1%0d%0ax:y",
            "/cookies/set?a=1;b",
            "/cookies/set?=1",
            "/cookies/set?a%20b=1",
        ] {
            assert_eq!(get(address, bad).await.status, 400, "{bad}");
        }
    });
}

#[test]
fn compressed_bodies_are_what_they_say() {
    use std::io::Read;
    with_server(|address| async move {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let answer = get(address, &format!("/{}", coding.name())).await;
            assert_eq!(answer.header("content-encoding"), Some(coding.name()));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(
                answer.header("content-length").unwrap(),
                answer.body.len().to_string()
            );
            let (body, mut text) = (answer.body.as_slice(), String::new());
            match coding {
                Coding::Gzip => flate2::read::GzDecoder::new(body).read_to_string(&mut text),
                Coding::Deflate => flate2::read::ZlibDecoder::new(body).read_to_string(&mut text),
                Coding::Brotli => brotli::Decompressor::new(body, 4096).read_to_string(&mut text),
                Coding::Zstd => zstd::Decoder::new(body).unwrap().read_to_string(&mut text),
            }
            .unwrap();
            assert_eq!(text, coding.document());
        }
    });
}

#[test]
fn a_login_needs_its_form_and_its_cookie() {
    with_server(|address| async move {
        let page = get(address, "/login").await;
        let (before, token) = (
            format!("cookie: {}\r\n", page.cookie()),
            csrf_token(page.text()),
        );
        let again = ask(address, "GET", "/login", &before, "").await;
        assert_eq!(
            (csrf_token(again.text()), again.header("set-cookie")),
            (token, None)
        );
        assert_eq!(
            ask(address, "GET", "/account", &before, "").await.status,
            403
        );

        let post = |headers: String, form: String| async move {
            ask(address, "POST", "/login", &headers, &form).await
        };
        let form =
            |user: &str, token: &str| format!("username={user}&password=p&csrf_token={token}");
        assert_eq!(post(String::new(), form("ann", token)).await.status, 403);
        assert_eq!(post(before.clone(), form("ann", "wrong")).await.status, 403);
        assert_eq!(post(before.clone(), form("", token)).await.status, 401);
        assert_eq!(
            post(before.clone(), form(&"x".repeat(101), token))
                .await
                .status,
            401
        );
        assert_eq!(ask(address, "PUT", "/login", &before, "").await.status, 405);

        let done = post(before.clone(), form("ann+%3Cb%3E", token)).await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, Some("/account"))
        );
        let after = format!("cookie: {}\r\n", done.cookie());
        assert_ne!(after, before);
        let account = ask(address, "GET", "/account", &after, "").await;
        assert_eq!(account.status, 200);
        assert!(
            account.text().contains("ann &#60;b&#62;"),
            "{}",
            account.text()
        );
        assert_eq!(
            ask(address, "GET", "/account", &before, "").await.status,
            403
        );

        let out = ask(address, "GET", "/logout", &after, "").await;
        assert_eq!((out.status, out.cookie()), (303, "session="));
        assert_eq!(
            ask(address, "GET", "/account", &after, "").await.status,
            403
        );
    });
}

#[test]
fn items_can_be_made_read_changed_and_removed() {
    with_server(|address| async move {
        assert_eq!(
            get(address, "/items").await.json(),
            serde_json::json!({ "items": [], "total": 0 })
        );
        let made = ask(address, "POST", "/items", "", r#"{"name":"pen"}"#).await;
        assert_eq!(
            (made.status, made.header("location")),
            (201, Some("/items/1"))
        );
        let wanted = serde_json::json!({ "id": 1, "item": { "name": "pen" } });
        assert_eq!(made.json(), wanted);
        assert_eq!(get(address, "/items/1").await.json(), wanted);
        ask(address, "POST", "/items", "", r#"{"name":"cup"}"#).await;
        let list = get(address, "/items").await.json();
        assert_eq!(
            (&list["items"][0]["id"], &list["items"][1], &list["total"]),
            (&2.into(), &wanted, &2.into())
        );

        let changed = ask(address, "PUT", "/items/1", "", r#"{"name":"ink"}"#).await;
        assert_eq!(
            (changed.status, &changed.json()["item"]["name"]),
            (200, &"ink".into())
        );
        assert_eq!(ask(address, "DELETE", "/items/1", "", "").await.status, 204);
        for method in ["GET", "DELETE", "PUT"] {
            let body = if method == "PUT" { "{}" } else { "" };
            assert_eq!(
                ask(address, method, "/items/1", "", body).await.status,
                404,
                "{method}"
            );
        }
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(items::ITEM_BYTES_MAX));
        for (bad, status) in [("", 400), ("{", 400), ("[1]", 400), (long.as_str(), 413)] {
            let answer = ask(address, "POST", "/items", "", bad).await;
            assert_eq!(answer.status, status);
            assert!(answer.json()["error"].is_string());
        }
        assert_eq!(ask(address, "PATCH", "/items", "", "{}").await.status, 405);
    });
}
