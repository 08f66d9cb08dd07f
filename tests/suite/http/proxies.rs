//! Through a proxy: plain requests by their whole URL, TLS through a tunnel.

use lt_tests::LtHost;
use lt_tests::nginx::Nginx;
use lt_tests::peers::HttpPeer;
use lt_tests::peers::proxy::ProxyPeer;
use lt_tests::results::error_codes;

#[test]
fn plain_requests_name_their_whole_url() {
    let target = HttpPeer::always("through the proxy");
    let proxy = ProxyPeer::open();
    LtHost::run("http_fetch")
        .set("url", target.url("/page?a=1"))
        .set("body", "through the proxy")
        .argument("--proxy")
        .argument(proxy.url())
        .finish()
        .expect_clean();
    let seen = proxy.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("GET", target.url("/page?a=1").as_str())
    );
    assert_eq!(
        target.seen()[0].header("via"),
        Some("1.1 test"),
        "the request went past the proxy"
    );
}

#[test]
fn tls_goes_through_a_tunnel() {
    let Some(nginx) = Nginx::start() else { return };
    let proxy = ProxyPeer::open();
    LtHost::run("http_fetch")
        .set("url", nginx.tls_url("/tls"))
        .set("requests", 3)
        .set("spoken", "2")
        .arguments("--insecure-skip-tls-verify --proxy")
        .argument(proxy.url())
        .finish()
        .expect_clean();
    let seen = proxy.seen();
    assert_eq!(seen.len(), 1, "one tunnel serves three requests: {seen:?}");
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.clone()),
        ("CONNECT", format!("127.0.0.1:{}", nginx.tls_port()))
    );
}

#[test]
fn credentials_are_shown_to_the_proxy_and_to_nobody_else() {
    let target = HttpPeer::always("ok");
    // RFC 7617, section 2.
    let proxy = ProxyPeer::guarded("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    let url = format!("http://Aladdin:open%20sesame@127.0.0.1:{}", proxy.port());
    LtHost::run("http_fetch")
        .set("url", target.url("/"))
        .argument("--proxy")
        .argument(&url)
        .finish()
        .expect_clean()
        .expect_no_text("sesame");
    assert_eq!(target.seen()[0].header("proxy-authorization"), None);
    LtHost::run("http_fetch")
        .set("url", target.url("/"))
        .set("status", 407)
        .argument("--proxy")
        .argument(proxy.url())
        .finish()
        .expect_code(0);
}

#[test]
fn a_proxy_that_refuses_a_tunnel_is_a_fault_of_its_own() {
    let Some(nginx) = Nginx::start() else { return };
    let proxy = ProxyPeer::guarded("Basic xyz");
    let ran = LtHost::run("http_error")
        .set("url", nginx.tls_url("/tls"))
        .set("error", "proxy")
        .argument("--proxy")
        .argument(proxy.url())
        .with_samples()
        .finish()
        .expect_clean();
    assert_eq!(error_codes(&ran.rows()).get("1230"), Some(&1), "{ran}");
}
