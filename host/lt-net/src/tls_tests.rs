//! Tests of TLS profiles against real handshakes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::dial::{HostAddress, NetworkOptions};
use crate::http::pool::Pool;
use crate::http::{Answer, Failure, Url, Version};
use crate::peer::{Ask, Authority, Peer, local, pool_with, read_head};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A server that speaks HTTP/1.1 over TLS.
async fn serve(acceptor: tokio_rustls::TlsAcceptor) -> Peer {
    Peer::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut request = Vec::new();
            while stream
                .read_buf(&mut request)
                .await
                .is_ok_and(|read| read > 0)
            {
                if request.ends_with(b"\r\n\r\n") {
                    request.clear();
                    stream.write_all(OK).await.unwrap();
                    stream.flush().await.unwrap();
                }
            }
        }
    })
    .await
}

fn trusting(authority: &Authority) -> TlsSettings {
    TlsSettings {
        authorities: Some(authority.pem.clone().into_bytes()),
        ..TlsSettings::default()
    }
}

/// A pool whose `server.test` is the peer.
fn pool_to(peer: &Peer, settings: &TlsSettings) -> Pool {
    let mut options = NetworkOptions::default();
    options
        .hosts
        .insert("server.test".to_owned(), HostAddress::Socket(peer.address));
    let profile = options.tls.profile(settings).unwrap();
    pool_with(options, |route| route.tls = profile)
}

async fn get(pool: &Pool) -> Result<Answer, Failure> {
    Ask::get(&Url::parse("https://server.test/").unwrap())
        .send(pool)
        .await
}

#[test]
fn a_session_is_reported_counted_and_used_again() {
    local(async {
        let authority = Authority::new();
        let peer =
            serve(authority.acceptor(&authority.issue("server.test", |_| {}), &[], false)).await;
        let pool = pool_to(&peer, &trusting(&authority));
        let first = get(&pool).await.unwrap();
        assert_eq!((first.status, first.version), (200, Version::Http11));
        assert_eq!(
            first.tls,
            Some(TlsInfo {
                version: "tls1.3",
                resumed: false
            })
        );
        assert!(
            !first.timings.tls.is_zero() && first.bytes_received > 400,
            "the handshake counts"
        );
        let second = get(&pool).await.unwrap();
        assert!(
            second.reused && second.timings.tls.is_zero() && second.timings.connecting.is_zero()
        );
        assert!(
            (OK.len() as u64..200).contains(&second.bytes_received),
            "{}",
            second.bytes_received
        );
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn sessions_are_resumed_unless_told_otherwise() {
    local(async {
        let authority = Authority::new();
        let peer =
            serve(authority.acceptor(&authority.issue("server.test", |_| {}), &[], false)).await;
        for resumption in [true, false] {
            let pool = pool_to(
                &peer,
                &TlsSettings {
                    resumption,
                    ..trusting(&authority)
                },
            );
            let first = get(&pool).await.unwrap();
            pool.close_idle();
            let second = get(&pool).await.unwrap();
            assert_eq!(
                (first.tls.unwrap().resumed, second.tls.unwrap().resumed),
                (false, resumption)
            );
        }
    });
}

#[test]
fn other_faults_of_a_certificate_are_told_in_words() {
    local(async {
        let authority = Authority::new();
        let issued = authority.issue("server.test", |params| {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        });
        let peer = serve(authority.acceptor(&issued, &[], false)).await;
        let failure = get(&pool_to(&peer, &trusting(&authority))).await;
        assert_eq!(
            failure.unwrap_err().error,
            NetError::Certificate(
                "it is an authority's own (CA:TRUE), which must not be shown as a server's".into()
            )
        );
    });
    let words = |fault| fault_in_words(&fault);
    assert_eq!(
        words(CertificateError::BadEncoding),
        "it is not written as a certificate is"
    );
    assert_eq!(
        words(CertificateError::UnknownRevocationStatus),
        "unknown revocation status"
    );
    assert_eq!(words_of("it is so already"), "it is so already");
}

#[test]
fn each_fault_of_a_certificate_has_its_number() {
    local(async {
        let authority = Authority::new();
        let good = authority.issue("server.test", |_| {});
        let other_name = authority.issue("elsewhere.test", |_| {});
        let expired = authority.issue("server.test", |params| {
            params.not_after = rcgen::date_time_ymd(2001, 1, 1)
        });
        let future = authority.issue("server.test", |params| {
            params.not_before = rcgen::date_time_ymd(4000, 1, 1)
        });
        let stranger = Authority::new();
        for (identity, settings, wanted) in [
            (&good, trusting(&authority), None),
            (&good, trusting(&stranger), Some(1310)),
            (&other_name, trusting(&authority), Some(1311)),
            (&expired, trusting(&authority), Some(1312)),
            (&future, trusting(&authority), Some(1312)),
            (
                &expired,
                TlsSettings {
                    insecure: true,
                    ..TlsSettings::default()
                },
                None,
            ),
        ] {
            let peer = serve(authority.acceptor(identity, &[], false)).await;
            let outcome = get(&pool_to(&peer, &settings)).await;
            assert_eq!(outcome.err().map(|failure| failure.error.code()), wanted);
        }
    });
}

#[test]
fn what_is_not_tls_is_a_tls_error() {
    local(async {
        let garbage = Peer::start(|_, mut stream| async move {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
            read_head(&mut stream).await;
        })
        .await;
        let closing = Peer::start(|_, mut stream| async move {
            stream.read_u8().await.unwrap();
            stream.shutdown().await.unwrap();
            read_head(&mut stream).await;
        })
        .await;
        for peer in [garbage, closing] {
            let failure = get(&pool_to(&peer, &TlsSettings::default()))
                .await
                .unwrap_err();
            assert_eq!(failure.error.code(), 1300, "{}", failure.error);
            assert_eq!(failure.remote, Some(peer.address));
        }
    });
}

#[test]
fn clients_prove_themselves_when_asked() {
    local(async {
        let authority = Authority::new();
        let peer =
            serve(authority.acceptor(&authority.issue("server.test", |_| {}), &[], true)).await;
        let (chain, key) = authority.issue("client", |params| {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        });
        let identity = Some((chain.into_bytes(), key.into_bytes()));
        let known = pool_to(
            &peer,
            &TlsSettings {
                identity,
                ..trusting(&authority)
            },
        );
        assert_eq!(get(&known).await.unwrap().status, 200);
        let unknown = get(&pool_to(&peer, &trusting(&authority)))
            .await
            .unwrap_err();
        assert_eq!(unknown.error.code(), 1300, "{}", unknown.error);
    });
}

#[test]
fn equal_settings_share_one_profile_and_bad_ones_are_named() {
    let authority = Authority::new();
    let profiles = TlsProfiles::default();
    let one = profiles.profile(&trusting(&authority)).unwrap();
    assert!(Arc::ptr_eq(
        &one,
        &profiles.profile(&trusting(&authority)).unwrap()
    ));
    assert!(!Arc::ptr_eq(
        &one,
        &profiles.profile(&TlsSettings::default()).unwrap()
    ));
    let config = one.config(VersionChoice::Http1).unwrap();
    assert!(Arc::ptr_eq(
        &config,
        &one.config(VersionChoice::Http1).unwrap()
    ));
    let (chain, key) = authority.issue("a", |_| {});
    let (_, other_key) = authority.issue("b", |_| {});
    let bytes = |text: &str| text.as_bytes().to_vec();
    for (settings, name) in [
        (
            TlsSettings {
                authorities: Some(bytes("no pem")),
                ..TlsSettings::default()
            },
            "authorities",
        ),
        (
            TlsSettings {
                identity: Some((bytes("x"), bytes(&key))),
                ..TlsSettings::default()
            },
            "identity",
        ),
        (
            TlsSettings {
                identity: Some((bytes(&chain), bytes("x"))),
                ..TlsSettings::default()
            },
            "identity",
        ),
        (
            TlsSettings {
                identity: Some((bytes(&chain), bytes(&other_key))),
                ..TlsSettings::default()
            },
            "identity",
        ),
    ] {
        let error = profiles.profile(&settings).unwrap_err();
        assert!(
            error.code() == 1020 && error.to_string().contains(name),
            "{error}"
        );
    }
}

#[test]
fn tls_goes_through_a_tunnel() {
    local(async {
        let authority = Authority::new();
        let acceptor = authority.acceptor(&authority.issue("nowhere.invalid", |_| {}), &[], false);
        let proxy = Peer::start(move |_, mut stream| {
            let acceptor = acceptor.clone();
            async move {
                let head = read_head(&mut stream).await.unwrap();
                assert_eq!(
                    head,
                    "CONNECT nowhere.invalid:443 HTTP/1.1\r\nhost: nowhere.invalid:443\r\n\r\n"
                );
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut inner = acceptor.accept(stream).await.unwrap();
                let mut request = [0; 16];
                inner.read_exact(&mut request).await.unwrap();
                assert_eq!(&request, b"GET /x HTTP/1.1\r");
                inner.write_all(OK).await.unwrap();
                inner.flush().await.unwrap();
                inner.read_to_end(&mut Vec::new()).await.ok();
            }
        })
        .await;
        let options = NetworkOptions::default();
        let profile = options.tls.profile(&trusting(&authority)).unwrap();
        let settings = crate::Proxy::parse(&format!("http://{}", proxy.address)).unwrap();
        let pool = pool_with(options, |route| {
            route.tls = profile;
            route.proxy = settings;
        });
        let answer = Ask::get(&Url::parse("https://nowhere.invalid/x").unwrap())
            .send(&pool)
            .await
            .unwrap();
        assert_eq!((answer.status, answer.remote), (200, proxy.address));
    });
}

#[test]
fn profiles_are_shared_while_used_and_forgotten_afterwards() {
    let authority = Authority::new();
    let profiles = TlsProfiles::default();
    let kept = profiles.profile(&trusting(&authority)).unwrap();
    assert!(Arc::ptr_eq(
        &kept,
        &profiles.profile(&trusting(&authority)).unwrap()
    ));
    for _ in 0..3 * PURGE_PROFILES_MIN {
        profiles.profile(&trusting(&Authority::new())).unwrap();
    }
    let known = profiles.known.lock().unwrap().profiles.len();
    assert!(known <= PURGE_PROFILES_MIN + 1, "{known} profiles are kept");
    assert!(Arc::ptr_eq(
        &kept,
        &profiles.profile(&trusting(&authority)).unwrap()
    ));
}
