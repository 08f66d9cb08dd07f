//! The plenary chat: its forms, its page, its sockets.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::chat::{Client, closed, connect_with, hear, hear_type, say};
use super::*;

/// The hidden field of a form, in either quotes.
fn token(page: &str) -> String {
    let page = page.replace('\'', "\"");
    let field = page.split("name=\"csrfmiddlewaretoken\" value=\"").nth(1);
    field.unwrap().split('"').next().unwrap().to_owned()
}

/// Fetch a form, fill it in, and send it: the answer, and the header with its cookies.
async fn send_form(address: SocketAddr, path: &str, fields: &str) -> (Answer, String) {
    let page = get(address, path).await;
    assert_eq!(page.status, 200);
    let before = format!("cookie: {}\r\n", page.cookie());
    let form = format!("csrfmiddlewaretoken={}&{fields}", token(page.text()));
    let answer = ask(address, "POST", path, &before, &form).await;
    let cookies: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.split(';').next().unwrap())
        .collect();
    let cookies = cookies.join("; ");
    (answer, cookies)
}

/// Register. Returns the cookies.
async fn sign_up(address: SocketAddr, name: &str) -> String {
    let fields = format!("username={name}&email=&password1=p&password2=p");
    let (answer, cookies) = send_form(address, "/accounts/signup/", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("/")));
    assert!(cookies.contains("sessionid="), "{cookies}");
    cookies
}

async fn join(address: SocketAddr, path: &str, cookies: &str) -> Client {
    let headers = [("cookie", cookies)];
    connect_with(address, path, &headers).await.unwrap().0
}

/// The names in the next list of members.
async fn present(client: &mut Client) -> Value {
    let members = hear_type(client, "presence").await["members"].clone();
    members
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["username"].clone())
        .collect()
}

#[test]
fn accounts_are_made_and_used() {
    with_server(|address| async move {
        sign_up(address, "ann").await;
        let fields = "username=ann&email=&password1=p&password2=p";
        let (taken, cookies) = send_form(address, "/accounts/signup/?quotes=single", fields).await;
        assert_eq!(taken.status, 200);
        assert!(!cookies.contains("sessionid"), "{cookies}");
        assert!(taken.text().contains("already exists"), "{}", taken.text());

        let (done, cookies) = send_form(
            address,
            "/accounts/login/?next=/event/test/",
            "login=ann&password=p",
        )
        .await;
        assert_eq!(
            (done.status, done.header("location")),
            (302, Some("/event/test/"))
        );
        assert!(cookies.contains("sessionid="), "{cookies}");
        for wrong in ["login=ann&password=q", "login=bob&password=p", ""] {
            let (answer, cookies) = send_form(address, "/accounts/login/", wrong).await;
            assert_eq!(answer.status, 200);
            assert!(answer.text().contains("not correct") && !cookies.contains("sessionid"));
        }

        let page = get(address, "/accounts/login/").await;
        let form = format!(
            "csrfmiddlewaretoken={}&login=ann&password=p",
            token(page.text())
        );
        for cookie in ["", "cookie: csrftoken=other\r\n"] {
            let answer = ask(address, "POST", "/accounts/login/", cookie, &form).await;
            assert_eq!(answer.status, 403, "{cookie:?}");
        }
        assert_eq!(
            ask(address, "PUT", "/accounts/login/", "", "").await.status,
            405
        );
        assert_eq!(get(address, "/accounts/nothing/").await.status, 404);
    });
}

#[test]
fn quotes_are_as_asked() {
    with_server(|address| async move {
        let single = get(address, "/accounts/signup/?quotes=single").await;
        assert!(single.text().contains("name='csrfmiddlewaretoken' value='"));
        let double = get(address, "/accounts/signup/").await;
        assert!(
            double
                .text()
                .contains("name=\"csrfmiddlewaretoken\" value=\"")
        );
    });
}

#[test]
fn the_page_of_an_event_has_its_state() {
    with_server(|address| async move {
        let stranger = get(address, "/event/test/").await;
        assert_eq!(
            (stranger.status, stranger.header("location")),
            (302, Some("/accounts/login/?next=%2Fevent%2Ftest%2F"))
        );
        let cookies = format!("cookie: {}\r\n", sign_up(address, "ann").await);
        let page = ask(address, "GET", "/event/test/", &cookies, "").await;
        assert_eq!(page.status, 200);
        let state = page
            .text()
            .split("window.__INITIAL_STATE__ = ")
            .nth(1)
            .unwrap();
        let state: Value =
            serde_json::from_str(state.split(";\n</script>").next().unwrap()).unwrap();
        assert_eq!(state["plenary"]["slug"], "test");
        assert_eq!(state["plenary"]["breakouts_open"], true);
        assert_eq!(state["auth"]["username"], "ann");
        assert_eq!(state["breakouts"].as_array().unwrap().len(), 7);
        assert_eq!(state["breakouts"][0]["id"], 1001);
        assert!(!page.text().contains("<b>"), "the state ends the script");
        for (path, status) in [
            ("/event/test", 301),
            ("/event/none/", 404),
            ("/breakout/1001/", 426),
        ] {
            let answer = ask(address, "GET", path, &cookies, "").await;
            assert_eq!(answer.status, status, "{path}");
        }
    });
}

#[test]
fn strangers_have_no_socket() {
    with_server(|address| async move {
        for path in ["/event/test/", "/breakout/1001/"] {
            for cookie in ["", "sessionid=made-up"] {
                let refused = connect_with(address, path, &[("cookie", cookie)]).await;
                assert!(
                    matches!(&refused, Err(Error::Http(response)) if response.status() == 403),
                    "{path}: {refused:?}"
                );
            }
        }
    });
}

#[test]
fn an_event_tells_all_who_is_there_and_what_is_said() {
    with_threads(2, |address| async move {
        let cookies = [sign_up(address, "ann").await, sign_up(address, "bob").await];
        let mut ann = join(address, "/event/test/", &cookies[0]).await;
        assert_eq!(present(&mut ann).await, json!(["ann"]));
        // Old clients leave the last slash away.
        let mut bob = join(address, "/event/test", &cookies[1]).await;
        for client in [&mut ann, &mut bob] {
            assert_eq!(present(client).await, json!(["ann", "bob"]));
        }
        // Another socket of the same user is another to send to, but the same member.
        let mut again = join(address, "/event/test/", &cookies[0]).await;
        for client in [&mut ann, &mut bob, &mut again] {
            assert_eq!(present(client).await, json!(["ann", "bob"]));
        }
        let mut elsewhere = join(address, "/event/other/", &cookies[1]).await;
        assert_eq!(present(&mut elsewhere).await, json!(["bob"]));

        say(&mut bob, "\"heartbeat\"").await;
        say(
            &mut bob,
            r#"{"type":"chat","payload":{"message":"<b>\"Fish\" & 'chips'</b>"}}"#,
        )
        .await;
        for client in [&mut ann, &mut bob, &mut again] {
            let chat = hear_type(client, "chat").await;
            assert_eq!(
                chat["message"],
                "&lt;b&gt;&quot;Fish&quot; &amp; &#x27;chips&#x27;&lt;/b&gt;"
            );
            assert_eq!((&chat["username"], &chat["id"]), (&json!("bob"), &json!(1)));
        }
        for (bad, why) in [
            ("{", "Invalid JSON"),
            ("{}", "Missing type"),
            (r#"{"type":"dance"}"#, "Type dance not understood"),
        ] {
            say(&mut bob, bad).await;
            assert_eq!(hear_type(&mut bob, "error").await["error"], why);
        }
        drop(bob);
        assert_eq!(present(&mut ann).await, json!(["ann"]));
        // In all this nothing of the other event came here.
        say(
            &mut elsewhere,
            r#"{"type":"chat","payload":{"message":"alone"}}"#,
        )
        .await;
        assert_eq!(hear(&mut elsewhere).await["payload"]["message"], "alone");
    });
}

#[test]
fn what_is_not_there_is_told_and_closed() {
    with_server(|address| async move {
        let cookies = sign_up(address, "ann").await;
        for (path, why) in [
            ("/event/none/", "Plenary not found"),
            ("/breakout/1008/", "Breakout not found"),
            ("/breakout/3001/", "Breakout not found"),
        ] {
            let mut client = join(address, path, &cookies).await;
            assert_eq!(hear_type(&mut client, "error").await["error"], why);
            assert_eq!(closed(&mut client).await, (4004, "not found".into()));
        }
    });
}

#[test]
fn a_breakout_is_for_ten_and_a_user_is_in_one() {
    with_server(|address| async move {
        let mut inside = Vec::new();
        let mut cookies = Vec::new();
        for number in 0..10 {
            cookies.push(sign_up(address, &format!("u{number}")).await);
            let mut client = join(address, "/breakout/1001/", &cookies[number]).await;
            assert_eq!(
                present(&mut client).await.as_array().unwrap().len(),
                number + 1
            );
            inside.push(client);
        }
        let late = sign_up(address, "late").await;
        let mut full = join(address, "/breakout/1001/", &late).await;
        assert_eq!(
            hear_type(&mut full, "error").await["error_code"],
            "over-capacity"
        );
        // A refused socket stays open, and hears nothing of the room.
        let mut second = join(address, "/breakout/1002", &cookies[9]).await;
        assert_eq!(
            hear_type(&mut second, "error").await["error_code"],
            "already-connected"
        );
        say(
            &mut second,
            r#"{"type":"DISCONNECTING_OTHERS","payload":{}}"#,
        )
        .await;
        assert_eq!(present(&mut second).await, json!(["u9"]));
        let mut first = inside.pop().unwrap();
        assert_eq!(
            hear_type(&mut first, "error").await["error_code"],
            "already-connected"
        );
        while present(&mut inside[0]).await.as_array().unwrap().len() != 9 {}
        // Now there is a place, and it is given to who asks again.
        say(&mut full, r#"{"type":"DISCONNECTING_OTHERS","payload":{}}"#).await;
        assert_eq!(present(&mut full).await.as_array().unwrap().len(), 10);
        say(&mut full, r#"{"type":"chat","payload":{"message":"x"}}"#).await;
        assert_eq!(
            hear_type(&mut full, "error").await["error"],
            "Type chat not understood"
        );
        // The one that was taken out does not take anyone with it.
        drop(first);
        drop(second);
        let mut back = join(address, "/breakout/1003/", &cookies[9]).await;
        loop {
            match hear(&mut back).await {
                value if value["type"] == "presence" => break,
                // The server has not seen the end of the other socket yet.
                value => assert_eq!(value["payload"]["error_code"], "already-connected"),
            }
            back = join(address, "/breakout/1003/", &cookies[9]).await;
        }
        say(&mut full, "\"heartbeat\"").await;
        full.close(None).await.unwrap();
        while let Some(message) = futures_util::StreamExt::next(&mut full).await {
            assert!(!matches!(message, Ok(Message::Binary(_))));
        }
    });
}
