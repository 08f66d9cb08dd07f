//! The same server as a scenario meets it: through the client of `lt-net`.

use std::rc::Rc;

use lt_net::http::{
    Body, ClientConfig, HttpClient, Method, Request, Response, Version, VersionChoice,
};
use lt_net::{NetError, Network, NetworkOptions, Route, TlsSettings};

use super::*;

/// Run a test with a client of its own and the server's address as a URL.
fn with_client<F: Future<Output = ()>>(test: impl FnOnce(Rc<HttpClient>, String) -> F) {
    with_server(|address| async move {
        let network = Network::new(NetworkOptions::default());
        let tls = network.tls_profile(&TlsSettings::default()).unwrap();
        let config = ClientConfig::new(Rc::new(Route::direct(tls)));
        let client = Rc::new(HttpClient::new(network, Rc::new(config)));
        let local = LocalSet::new();
        local
            .run_until(test(client, format!("http://{address}")))
            .await;
    });
}

async fn send(client: &HttpClient, request: Request) -> Result<Response, NetError> {
    client.send(request, |_| {}).await
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body().unwrap().into_owned()).unwrap()
}

#[test]
fn a_user_logs_in_by_the_form_and_out_again() {
    with_client(|client, base| async move {
        let form = send(&client, Request::get(format!("{base}/login")))
            .await
            .unwrap();
        let token = csrf_token(&text(&form)).to_owned();
        let mut login = Request::get(format!("{base}/login"));
        login.method = Method::POST;
        login.body = Body::Bytes(format!("username=ann&password=p&csrf_token={token}").into());
        let account = send(&client, login).await.unwrap();
        assert_eq!((account.status(), account.redirects()), (200, 1));
        assert_eq!(account.url(), format!("{base}/account"));
        assert!(text(&account).contains("ann"), "{}", text(&account));
        send(&client, Request::get(format!("{base}/logout")))
            .await
            .unwrap();
        assert_eq!(client.cookies(&base).unwrap(), []);
        let refused = send(&client, Request::get(format!("{base}/account")))
            .await
            .unwrap();
        assert_eq!(refused.status(), 403);
    });
}

#[test]
fn every_coding_arrives_as_it_was_written() {
    with_client(|client, base| async move {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let mut request = Request::get(format!("{base}/{}", coding.name()));
            request.options.decompress = Some(true);
            let response = send(&client, request).await.unwrap();
            assert_eq!(text(&response), coding.document());
            assert!(response.body_length() < coding.document().len() as u64);
        }
    });
}

#[test]
fn long_slow_and_broken_bodies() {
    with_client(|client, base| async move {
        let length = async |path: &str| {
            let response = send(&client, Request::get(format!("{base}{path}"))).await;
            response.map(|response| response.body_length())
        };
        assert_eq!(length("/bytes/1000000").await, Ok(1_000_000));
        assert_eq!(length("/stream/2").await, Ok(26));
        assert_eq!(length("/drip?bytes=10&ms=20").await, Ok(10));
        assert_eq!(length("/close").await, Err(NetError::ConnectionClosed));
        assert_eq!(length("/status/204").await, Ok(0));
    });
}

#[test]
fn both_versions_follow_redirects_and_carry_bodies() {
    with_client(|client, base| async move {
        for (choice, spoken) in [
            (VersionChoice::Http1, Version::Http11),
            (VersionChoice::Http2, Version::Http2),
        ] {
            let mut chain = Request::get(format!("{base}/redirect/3"));
            chain.options.version = Some(choice);
            let arrived = send(&client, chain).await.unwrap();
            assert_eq!((arrived.version(), arrived.redirects()), (spoken, 3));
            let mut echo = Request::get(format!("{base}/echo"));
            echo.method = Method::PUT;
            echo.options.version = Some(choice);
            echo.headers
                .push(("X-Mixed-Case".to_owned(), b"yes".to_vec()));
            let body = "x".repeat(200_000);
            echo.body = Body::Chunked(body.clone().into());
            let response = send(&client, echo).await.unwrap();
            let shown: serde_json::Value = serde_json::from_str(&text(&response)).unwrap();
            assert_eq!(
                (shown["method"].as_str(), shown["body"].as_str()),
                (Some("PUT"), Some(body.as_str()))
            );
            assert!(
                shown["headers"]
                    .to_string()
                    .contains(r#"["x-mixed-case","yes"]"#),
                "{}",
                shown["headers"]
            );
        }
    });
}
