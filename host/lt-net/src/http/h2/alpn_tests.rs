//! Tests of how the version is agreed on.

use crate::dial::{HostAddress, NetworkOptions};
use crate::http::pool::Pool;
use crate::http::{Url, Version, VersionChoice};
use crate::peer::{Ask, Authority, Peer, local, pool_with};
use crate::tls::TlsSettings;

/// A pool whose `server.test` is the peer, trusting the authority.
fn pool_to(peer: &Peer, authority: &Authority) -> Pool {
    let mut options = NetworkOptions::default();
    options
        .hosts
        .insert("server.test".to_owned(), HostAddress::Socket(peer.address));
    let settings = TlsSettings {
        authorities: Some(authority.pem.clone().into_bytes()),
        ..TlsSettings::default()
    };
    let profile = options.tls.profile(&settings).unwrap();
    pool_with(options, |route| route.tls = profile)
}

#[test]
fn the_version_is_agreed_on_by_alpn() {
    local(async {
        let authority = Authority::new();
        let identity = authority.issue("server.test", |_| {});
        let url = Url::parse("https://server.test/").unwrap();
        let acceptor = authority.acceptor(&identity, &["h2", "http/1.1"], false);
        let both = Peer::start(move |_, stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    let mut connection = ::h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        let head = ::http::Response::builder().status(201).body(()).unwrap();
                        respond.send_response(head, true).unwrap();
                    }
                } else {
                    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                    stream.read_u8().await.unwrap();
                    stream
                        .write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
                        .await
                        .unwrap();
                    stream.flush().await.unwrap();
                    stream.read_to_end(&mut Vec::new()).await.ok();
                }
            }
        })
        .await;
        for (version, wanted) in [
            (VersionChoice::Automatic, Version::Http2),
            (VersionChoice::Http1, Version::Http11),
            (VersionChoice::Http2, Version::Http2),
        ] {
            let answer = Ask {
                version,
                ..Ask::get(&url)
            }
            .send(&pool_to(&both, &authority))
            .await
            .unwrap();
            assert_eq!(
                (answer.status, answer.version, answer.tls.unwrap().version),
                (201, wanted, "tls1.3")
            );
        }
        let acceptor = authority.acceptor(&identity, &[], false);
        let silent = Peer::start(move |_, stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = tokio::io::AsyncReadExt::read_u8(&mut stream).await;
                }
            }
        })
        .await;
        let ask = Ask {
            version: VersionChoice::Http2,
            ..Ask::get(&url)
        };
        let failure = ask.send(&pool_to(&silent, &authority)).await.unwrap_err();
        assert_eq!(failure.error.code(), 1500, "{}", failure.error);
    });
}
