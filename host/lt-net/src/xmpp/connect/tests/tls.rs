use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::error::NetError;
use crate::peer::Authority;
use crate::tls::TlsProfile;

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

fn trusting(authority: &Authority) -> std::sync::Arc<TlsProfile> {
    let settings = TlsSettings {
        authorities: Some(authority.pem.clone().into_bytes()),
        ..TlsSettings::default()
    };
    client().network().tls_profile(&settings).unwrap()
}

fn with_tls(authority: &Authority, security: Security) -> ConnectRequest {
    ConnectRequest {
        security,
        tls: Some(trusting(authority)),
        ..request()
    }
}

impl Server {
    /// StartTLS, from the server's side.
    async fn starttls(mut self, acceptor: &TlsAcceptor) -> Option<Server<TlsStream<TcpStream>>> {
        self.open(STARTTLS).await;
        self.see("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            .await;
        self.say(PROCEED).await;
        let stream = acceptor.accept(self.stream).await.ok()?;
        Some(Server::new(stream))
    }
}

#[test]
fn a_stream_becomes_tls_and_begins_anew() {
    local(async {
        for quick_ack in [false, true] {
            let authority = Authority::new();
            let acceptor = authority.acceptor(&authority.issue("example.org", |_| {}), &[], false);
            let mut asked = with_tls(&authority, Security::StartTls);
            asked.quick_ack = quick_ack;
            let tried = attempt(asked, move |server| {
                let acceptor = acceptor.clone();
                async move {
                    let mut server = server.starttls(&acceptor).await.unwrap();
                    let header = server.open(PLAIN).await;
                    // Now nobody reads along.
                    assert_eq!(attribute_of(&header, "from"), "romeo@example.org");
                    server.see("</auth>").await;
                    server.say(SUCCESS).await;
                    server.open(BIND).await;
                    server.bind(ORCHARD).await;
                }
            })
            .await;
            assert_eq!(
                tried.steps(),
                [
                    "tcp", "stream", "features", "starttls", "tls", "restart", "sasl", "restart",
                    "bind"
                ]
            );
            assert_eq!(tried.established().connected.tls_version, "tls1.3");
        }
    });
}

#[test]
fn tls_may_come_first() {
    local(async {
        let authority = Authority::new();
        let acceptor = authority.acceptor(
            &authority.issue("example.org", |_| {}),
            &["xmpp-client"],
            false,
        );
        let tried = attempt(with_tls(&authority, Security::DirectTls), move |server| {
            let acceptor = acceptor.clone();
            async move {
                let stream = acceptor.accept(server.stream).await.unwrap();
                assert_eq!(
                    stream.get_ref().1.alpn_protocol(),
                    Some(&b"xmpp-client"[..])
                );
                let mut server = Server::new(stream);
                server.log_in(BIND).await;
                server.bind(ORCHARD).await;
            }
        })
        .await;
        assert_eq!(tried.steps()[..4], ["tcp", "tls", "stream", "features"]);
        assert_eq!(tried.established().connected.tls_version, "tls1.3");
    });
}

#[test]
fn a_certificate_that_is_not_good_is_told_by_what_is_wrong_with_it() {
    local(async {
        let authority = Authority::new();
        let expired = |params: &mut rcgen::CertificateParams| {
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        };
        let cases = [
            (
                authority.issue("example.org", expired),
                NetError::CertificateExpired,
            ),
            (
                authority.issue("other.example", |_| {}),
                NetError::CertificateName,
            ),
            (
                Authority::new().issue("example.org", |_| {}),
                NetError::UnknownAuthority,
            ),
        ];
        for (identity, wanted) in cases {
            for security in [Security::StartTls, Security::DirectTls] {
                let acceptor = authority.acceptor(&identity, &[], false);
                let tried = attempt(with_tls(&authority, security), move |server| {
                    let acceptor = acceptor.clone();
                    async move {
                        if security == Security::StartTls {
                            assert!(server.starttls(&acceptor).await.is_none());
                        } else {
                            assert!(acceptor.accept(server.stream).await.is_err());
                        }
                    }
                })
                .await;
                assert_eq!(tried.failed(), Some("tls"));
                assert!(tried.attempt.bytes_sent > 100 && tried.attempt.bytes_received > 100);
                assert_eq!(tried.error(), XmppError::Net(wanted.clone()));
            }
        }
    });
}

#[test]
fn starttls_that_is_refused_or_not_offered_fails() {
    local(async {
        let authority = Authority::new();
        for offered in [true, false] {
            let asked = with_tls(&authority, Security::StartTls);
            let tried = attempt(asked, move |mut server| async move {
                server.open(if offered { STARTTLS } else { PLAIN }).await;
                if offered {
                    server.see("<starttls ").await;
                    server.see("/>").await;
                    server
                        .say("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
                        .await;
                }
                // Above all no password.
                assert_eq!(server.rest().await, "</stream:stream>");
            })
            .await;
            assert_eq!(tried.failed(), Some("starttls"));
            let error = tried.error();
            assert!(matches!(error, XmppError::StartTlsRefused(_)), "{error:?}");
        }
    });
}

#[test]
fn tls_if_offered_goes_on_without() {
    local(async {
        let authority = Authority::new();
        let asked = with_tls(&authority, Security::StartTlsIfOffered);
        let tried = attempt(asked.clone(), |mut server| async move {
            server.log_in(BIND).await;
            server.bind(ORCHARD).await;
        })
        .await;
        assert!(!tried.steps().contains(&"starttls"));
        assert_eq!(tried.established().connected.tls_version, "");
        let acceptor = authority.acceptor(&authority.issue("example.org", |_| {}), &[], false);
        let tried = attempt(asked, move |server| {
            let acceptor = acceptor.clone();
            async move {
                let mut server = server.starttls(&acceptor).await.unwrap();
                server.log_in(BIND).await;
                server.bind(ORCHARD).await;
            }
        })
        .await;
        assert_eq!(tried.established().connected.tls_version, "tls1.3");
    });
}

/// What was slipped in behind `proceed` would be taken for the server's, said within TLS.
#[test]
fn what_comes_before_tls_is_not_taken_for_what_comes_within() {
    local(async {
        let authority = Authority::new();
        for slipped in [
            "<stream:features><mechanisms/></stream:features>",
            "<stream:fea",
            " ",
        ] {
            let asked = with_tls(&authority, Security::StartTls);
            let tried = attempt(asked, move |mut server| async move {
                server.open(STARTTLS).await;
                server.see("<starttls ").await;
                server.see("/>").await;
                server.say(&format!("{PROCEED}{slipped}")).await;
                assert_eq!(server.rest().await, "");
            })
            .await;
            assert_eq!(tried.failed(), Some("starttls"));
            let error = tried.error();
            assert!(
                matches!(error, XmppError::Protocol(_)),
                "{slipped}: {error:?}"
            );
        }
    });
}

#[test]
fn a_certificate_of_the_client_says_who_it_is() {
    local(async {
        let authority = Authority::new();
        let client_identity = authority.issue("romeo", |params| {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        });
        let settings = TlsSettings {
            authorities: Some(authority.pem.clone().into_bytes()),
            identity: Some((
                client_identity.0.into_bytes(),
                client_identity.1.into_bytes(),
            )),
            ..TlsSettings::default()
        };
        let asked = ConnectRequest {
            security: Security::StartTls,
            mechanisms: Some(vec![Mechanism::External]),
            tls: Some(client().network().tls_profile(&settings).unwrap()),
            ..request()
        };
        let acceptor = authority.acceptor(&authority.issue("example.org", |_| {}), &[], true);
        let tried = attempt(asked, move |server| {
            let acceptor = acceptor.clone();
            async move {
                let mut server = server.starttls(&acceptor).await.unwrap();
                assert!(server.stream.get_ref().1.peer_certificates().is_some());
                server.open(&PLAIN.replace("PLAIN", "EXTERNAL")).await;
                let auth = server.see("</auth>").await;
                assert!(auth.ends_with(">cm9tZW9AZXhhbXBsZS5vcmc=</auth>"), "{auth}");
                server.say(SUCCESS).await;
                server.open(BIND).await;
                server.bind(ORCHARD).await;
            }
        })
        .await;
        assert_eq!(tried.established().connected.mechanism, "EXTERNAL");
    });
}

#[test]
fn a_mechanism_that_binds_to_tls_goes_first_where_there_is_something_to_bind_to() {
    local(async {
        let offered = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
            <mechanism>SCRAM-SHA-1</mechanism><mechanism>SCRAM-SHA-1-PLUS</mechanism></mechanisms>";
        for (known, mechanism, gs2) in [
            ("", "SCRAM-SHA-1-PLUS", "p=tls-exporter,,"),
            (
                "tls-server-end-point",
                "SCRAM-SHA-1-PLUS",
                "p=tls-server-end-point,,",
            ),
            ("tls-unique", "SCRAM-SHA-1", "n,,"),
        ] {
            let known = if known.is_empty() {
                String::new()
            } else {
                format!(
                    "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='{known}'/></sasl-channel-binding>"
                )
            };
            let authority = Authority::new();
            let mut asked = with_tls(&authority, Security::StartTls);
            asked.mechanisms = None;
            let acceptor = authority.acceptor(&authority.issue("example.org", |_| {}), &[], false);
            let tried = attempt(asked, move |server| {
                let (acceptor, known) = (acceptor.clone(), known.clone());
                async move {
                    use base64::Engine as _;
                    let mut server = server.starttls(&acceptor).await.unwrap();
                    server.open(&format!("{offered}{known}")).await;
                    let auth = server.see("</auth>").await;
                    assert_eq!(attribute_of(&auth, "mechanism"), mechanism);
                    let (_, first) = auth.split_once("'>").unwrap();
                    let first = first.strip_suffix("</auth>").unwrap();
                    let first = base64::engine::general_purpose::STANDARD.decode(first).unwrap();
                    let first = String::from_utf8(first).unwrap();
                    assert!(first.starts_with(gs2), "{first}");
                    server.say("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>").await;
                    server.see("</stream:stream>").await;
                }
            })
            .await;
            assert_eq!(tried.error().condition(), Some("temporary-auth-failure"));
        }
    });
}
