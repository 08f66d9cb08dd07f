//! TLS against nginx: whom to trust, what to show, what to resume.

use lt_tests::LtHost;
use lt_tests::nginx::Nginx;
use lt_tests::results::error_codes;

/// Fetch this with the authority of the test's own as the one to trust.
fn trusting(nginx: &Nginx, guest: &str, url: &str) -> LtHost {
    let command = LtHost::run(guest);
    let file = command.file("authority.pem", nginx.authority.pem());
    command.set("url", url).argument("--ca-cert").argument(file)
}

#[test]
fn an_authority_of_ones_own_is_trusted() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = trusting(&nginx, "http_fetch", &nginx.tls_url("/tls"))
        .set("spoken", "2")
        .set("body", "version=TLSv1.3")
        .with_samples()
        .finish()
        .expect_clean();
    let rows = ran.rows();
    let request = rows
        .iter()
        .find(|row| row["metric_name"] == "http_reqs")
        .unwrap();
    assert_eq!(
        (request["tls_version"].as_str(), request["proto"].as_str()),
        ("tls1.3", "HTTP/2.0"),
        "{request:?}"
    );
    let handshake = rows
        .iter()
        .find(|row| row["metric_name"] == "http_req_tls_handshaking")
        .unwrap();
    assert!(
        handshake["metric_value"].parse::<f64>().unwrap() > 0.0,
        "{handshake:?}"
    );
}

#[test]
fn the_name_is_sent_and_checked() {
    let Some(nginx) = Nginx::start() else { return };
    let url = format!("https://shop.test:{}/tls", nginx.tls_port());
    trusting(&nginx, "http_fetch", &url)
        .set("spoken", "2")
        .set("body", "name=shop.test")
        .arguments("--host-override shop.test=127.0.0.1")
        .finish()
        .expect_clean();
    let url = format!("https://other.test:{}/tls", nginx.tls_port());
    trusting(&nginx, "http_error", &url)
        .set("error", "certificate-name")
        .arguments("--host-override other.test=127.0.0.1")
        .finish()
        .expect_clean();
}

#[test]
fn bad_certificates_are_told_apart() {
    let Some(nginx) = Nginx::start() else { return };
    for (url, error, code) in [
        (nginx.expired_url(), "certificate-expired", "1312"),
        (nginx.wrong_name_url(), "certificate-name", "1311"),
        (nginx.self_signed_url(), "unknown-authority", "1310"),
    ] {
        let ran = trusting(&nginx, "http_error", &url)
            .set("error", error)
            .arguments("--iterations 2")
            .with_samples()
            .finish()
            .expect_clean();
        assert_eq!(error_codes(&ran.rows()).get(code), Some(&2), "{url}\n{ran}");
    }
    let ran = LtHost::run("http_error")
        .set("url", nginx.tls_url("/tls"))
        .set("error", "unknown-authority")
        .with_samples()
        .finish()
        .expect_clean();
    assert_eq!(error_codes(&ran.rows()).get("1310"), Some(&1), "{ran}");
}

#[test]
fn any_certificate_is_accepted_if_asked_for() {
    let Some(nginx) = Nginx::start() else { return };
    for url in [
        nginx.expired_url(),
        nginx.wrong_name_url(),
        nginx.self_signed_url(),
    ] {
        LtHost::run("http_fetch")
            .set("url", url)
            .arguments("--insecure-skip-tls-verify")
            .finish()
            .expect_clean();
    }
}

#[test]
fn tls_to_a_server_that_has_none_fails_as_such() {
    let Some(nginx) = Nginx::start() else { return };
    let url = format!("https://127.0.0.1:{}/", nginx.plain_port());
    let ran = LtHost::run("http_error")
        .set("url", url)
        .set("error", "tls")
        .with_samples()
        .finish()
        .expect_clean();
    assert_eq!(error_codes(&ran.rows()).get("1300"), Some(&1), "{ran}");
}

#[test]
fn a_client_certificate_is_shown_to_who_asks() {
    let Some(nginx) = Nginx::start() else { return };
    let leaf = nginx.authority.client("somebody");
    let command = trusting(&nginx, "http_fetch", &nginx.mutual_url("/tls"));
    let certificate = command.file("client.pem", &leaf.certificate);
    let key = command.file("client.key", &leaf.key);
    command
        .set("spoken", "2")
        .set("body", "client=CN=somebody")
        .argument("--client-cert")
        .argument(certificate)
        .argument("--client-key")
        .argument(key)
        .finish()
        .expect_clean();
    // nginx completes the handshake and answers 400.
    trusting(&nginx, "http_fetch", &nginx.mutual_url("/tls"))
        .set("spoken", "2")
        .set("status", 400)
        .finish()
        .expect_clean();
}

#[test]
fn a_guest_may_configure_its_own_client() {
    let Some(nginx) = Nginx::start() else { return };
    let leaf = nginx.authority.client("somebody");
    LtHost::run("http_configure")
        .set("url", nginx.mutual_url(""))
        .variable("LT_SET_AUTHORITY", nginx.authority.pem())
        .variable("LT_SET_CERTIFICATE", leaf.certificate)
        .variable("LT_SET_KEY", leaf.key)
        .arguments("--users 2")
        .finish()
        .expect_clean();
}

#[test]
fn sessions_are_resumed_unless_forbidden() {
    let Some(nginx) = Nginx::start() else { return };
    let second = |body: &str| {
        trusting(&nginx, "http_fetch", &nginx.tls_url("/tls"))
            .set("spoken", "2")
            .set("body", body)
            .arguments("--no-connection-reuse --iterations 3")
    };
    // The first of three has nothing to resume.
    let ran = second("reused=r").finish().expect_code(0);
    assert_eq!(ran.summary().failures("failure"), 1, "{ran}");
    second("reused=.")
        .arguments("--no-tls-resumption")
        .finish()
        .expect_clean();
}
