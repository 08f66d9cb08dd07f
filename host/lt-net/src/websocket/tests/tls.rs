use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::*;
use crate::http::VersionChoice;
use crate::peer::{Authority, local};
use crate::tls::{TlsProfiles, TlsSettings};

/// A client whose server does what the script says within TLS.
async fn secure<F: Future<Output = ()> + 'static>(
    script: impl Fn(Server<tokio_rustls::server::TlsStream<TcpStream>>) -> F + 'static,
) -> Client {
    let authority = Authority::new();
    let acceptor = authority.acceptor(&authority.issue("server.test", |_| {}), &[], false);
    let settings = TlsSettings {
        authorities: Some(authority.pem.clone().into_bytes()),
        ..TlsSettings::default()
    };
    let (done, server) = oneshot::channel();
    let (script, done) = (Rc::new(script), Rc::new(RefCell::new(Some(done))));
    let peer = Peer::start(move |_, stream| {
        let (acceptor, script, done) = (acceptor.clone(), script.clone(), done.clone());
        async move {
            let stream = acceptor.accept(stream).await.unwrap();
            script(Server { stream }).await;
            let _ = done.take().unwrap().send(());
        }
    })
    .await;
    let wire = tcp::connect(&[peer.address], None).await.unwrap();
    let profile = TlsProfiles::default().profile(&settings).unwrap();
    let config = profile.config(VersionChoice::Http1).unwrap();
    let name = ServerName::try_from("server.test").unwrap();
    let stream = TlsConnector::from(config)
        .connect(name, wire)
        .await
        .unwrap();
    let stream = Stream::Tls(Box::new(stream));
    let Opened { socket, pump } = over(stream, Vec::new(), &ConnectOptions::default());
    let log = Rc::new(Log::default());
    let pump = spawn_local(pump.run(log.clone()));
    Client {
        socket,
        log,
        pump,
        server,
    }
}

#[test]
fn messages_go_over_tls_and_its_cut_is_a_disconnect() {
    local(async {
        let client = secure(|mut server| async move {
            for _ in 0..100 {
                let seen = server.see().await.unwrap();
                server.send(seen.first, &seen.payload).await;
            }
            server.text("last words").await;
            // Without the alert that says that TLS ends.
            drop(server);
        })
        .await;
        for number in 0..100u8 {
            // Records hold 16 KiB: most of these take several.
            let content = Content::Binary(vec![number; usize::from(number) * 3000].into());
            client.send(content.clone()).await;
            assert_eq!(client.receive().await.unwrap().content, content);
        }
        assert_eq!(client.text().await, "last words");
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::Disconnected, 1006));
    });
}

#[test]
fn a_connection_is_closed_over_tls() {
    local(async {
        let client = secure(|mut server| async move {
            server.see_close(Some(1000)).await;
            server.send(CLOSE, &close_payload(1000, "")).await;
            // The client waits for us to close first, and then says that TLS ends.
            server.stream.shutdown().await.unwrap();
            server.end().await;
        })
        .await;
        client.socket.close(Some(1000), "", Duration::from_secs(60));
        assert_eq!(client.closed().await.ending, Ending::ByUs);
    });
}
