//! Tests of TLS for XMPP and of what it binds with, against real handshakes.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::dial::tcp;
use crate::peer::{Authority, Peer, local};
use crate::tls::{TlsProfiles, TlsSettings};

/// What the server saw of each handshake: the protocol, and its own end of `tls-exporter`.
type Seen = Rc<RefCell<Vec<(Option<Vec<u8>>, Vec<u8>)>>>;

/// A server that says one word when TLS is up.
async fn serve(acceptor: tokio_rustls::TlsAcceptor) -> (Peer, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let peer = Peer::start(move |_, stream| {
        let (acceptor, log) = (acceptor.clone(), log.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let session = stream.get_ref().1;
            let exported = session
                .export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", None)
                .unwrap();
            let protocol = session.alpn_protocol().map(<[u8]>::to_vec);
            log.borrow_mut().push((protocol, exported));
            stream.write_all(b"word").await.unwrap();
            let _ = stream.read_u8().await;
        }
    })
    .await;
    (peer, seen)
}

fn profile(authority: &Authority) -> Arc<TlsProfile> {
    let settings = TlsSettings {
        authorities: Some(authority.pem.clone().into_bytes()),
        ..TlsSettings::default()
    };
    TlsProfiles::default().profile(&settings).unwrap()
}

async fn connect(
    profile: &TlsProfile,
    peer: &Peer,
    name: &str,
    alpn: bool,
) -> Result<(Stream, TlsInfo, Vec<ChannelBinding>), NetError> {
    let wire = tcp::connect(&[peer.address], None).await.unwrap();
    let mut secured = start_tls(profile, wire, name, alpn).await?;
    // Tickets come with the first bytes.
    secured.0.read_exact(&mut [0; 4]).await.unwrap();
    Ok(secured)
}

fn kinds(bindings: &[ChannelBinding]) -> Vec<&'static str> {
    bindings.iter().map(|binding| binding.kind).collect()
}

/// The certificate's hash, straight from its text.
fn hash_of(algorithm: &'static digest::Algorithm, pem: &str) -> Vec<u8> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    digest::digest(algorithm, &certificate).as_ref().to_vec()
}

#[test]
fn both_ends_bind_with_the_same() {
    local(async {
        let authority = Authority::new();
        let identity = authority.issue("chat.test", |_| {});
        let (peer, seen) = serve(authority.acceptor(&identity, &[], false)).await;
        let profile = profile(&authority);
        for resumed in [false, true] {
            let (_, info, bindings) = connect(&profile, &peer, "chat.test", false).await.unwrap();
            assert_eq!((info.version, info.resumed), ("tls1.3", resumed));
            assert_eq!(kinds(&bindings), ["tls-exporter", "tls-server-end-point"]);
            let (_, exported) = seen.borrow().last().cloned().unwrap();
            assert_eq!(bindings[0].data, exported);
            assert_eq!(bindings[1].data, hash_of(&digest::SHA256, &identity.0));
        }
        let seen = seen.borrow();
        assert_ne!(seen[0].1, seen[1].1, "each session has its own");
    });
}

#[test]
fn tls_1_2_binds_with_the_certificate_alone() {
    local(async {
        let authority = Authority::new();
        let identity = authority.issue("chat.test", |_| {});
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(identity.0.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(identity.1.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let (peer, _) = serve(Arc::new(config).into()).await;
        let (_, info, bindings) = connect(&profile(&authority), &peer, "chat.test", false)
            .await
            .unwrap();
        assert_eq!(info.version, "tls1.2");
        assert_eq!(kinds(&bindings), ["tls-server-end-point"]);
    });
}

#[test]
fn xmpp_is_offered_where_tls_comes_first_and_only_there() {
    local(async {
        let authority = Authority::new();
        let identity = authority.issue("chat.test", |_| {});
        let acceptor = authority.acceptor(&identity, &["xmpp-client"], false);
        let (peer, seen) = serve(acceptor).await;
        let profile = profile(&authority);
        connect(&profile, &peer, "chat.test", true).await.unwrap();
        connect(&profile, &peer, "chat.test", false).await.unwrap();
        let protocols: Vec<_> = seen.borrow().iter().map(|seen| seen.0.clone()).collect();
        assert_eq!(protocols, [Some(b"xmpp-client".to_vec()), None]);
        // A server of something else on that port says so.
        let (http, _) = serve(authority.acceptor(&identity, &["h2"], false)).await;
        let error = connect(&profile, &http, "chat.test", true)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), "tls", "{error}");
    });
}

#[test]
fn the_certificate_must_be_for_the_domain() {
    local(async {
        let authority = Authority::new();
        let identity = authority.issue("xn--bcher-kva.test", |_| {});
        let (peer, _) = serve(authority.acceptor(&identity, &[], false)).await;
        let profile = profile(&authority);
        for name in ["bücher.test", "XN--BCHER-KVA.test."] {
            connect(&profile, &peer, name, false).await.unwrap();
        }
        for other in ["chat.test", "127.0.0.1", "::1"] {
            let error = connect(&profile, &peer, other, false).await.unwrap_err();
            assert_eq!(error, NetError::CertificateName, "{other}");
        }
        let unknown = self::profile(&Authority::new());
        let error = connect(&unknown, &peer, "bücher.test", false).await;
        assert_eq!(error.unwrap_err(), NetError::UnknownAuthority);
        for bad in ["", "a b", "a_b*.test"] {
            let error = connect(&profile, &peer, bad, false).await.unwrap_err();
            assert_eq!(error.kind(), "invalid-request", "{bad}");
        }
    });
}

#[test]
fn a_server_without_tls_is_an_error_of_tls() {
    local(async {
        let profile = profile(&Authority::new());
        let answers = Peer::start(|_, mut stream| async move {
            stream.write_all(b"<stream:stream>").await.unwrap();
            let _ = stream.read_u8().await;
        })
        .await;
        let gone = Peer::start(|_, mut stream| async move {
            let _ = stream.read_u8().await;
        })
        .await;
        for peer in [&answers, &gone] {
            let wire = tcp::connect(&[peer.address], None).await.unwrap();
            let error = start_tls(&profile, wire, "chat.test", false).await;
            let error = error.map(|_| ()).unwrap_err();
            assert!(
                matches!(error.kind(), "tls" | "connection-reset"),
                "{error}"
            );
        }
    });
}
