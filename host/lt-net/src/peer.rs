//! Peers for tests: TCP servers on port 0 of this process that do exactly what a script says.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use crate::dial::{Network, NetworkOptions, Route};
use crate::http::pool::Pool;
use crate::http::{Answer, Body, Exchange, Failure, Reuse, Url, VersionChoice};
use crate::tls::TlsSettings;

/// Run a test on a current-thread runtime, as everything of ours runs.
pub(crate) fn local<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// The same with a clock that stands still while anything is ready and jumps to the next timer when nothing is.
pub(crate) fn local_paused<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// A server: runs the script for each connection, with the connection's number from 0.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    accepted: Rc<Cell<usize>>,
}

impl Peer {
    pub(crate) async fn start<F: Future<Output = ()> + 'static>(
        script: impl Fn(usize, TcpStream) -> F + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Rc::new(Cell::new(0));
        let count = accepted.clone();
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Without it the second of two writes would wait for an acknowledgement, in real time.
                stream.set_nodelay(true).unwrap();
                let number = count.replace(count.get() + 1);
                spawn_local(script(number, stream));
            }
        });
        Self { address, accepted }
    }

    /// A server that answers each request head with the same bytes and keeps the connection.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |_, mut stream| async move {
            while read_head(&mut stream).await.is_some() {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    /// How many connections were made to it.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/", self.address)).unwrap()
    }
}

/// Read up to the empty line; nothing at the end of the stream.
pub(crate) async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Wait until the peer has nothing more to say: true at its orderly end, false at a reset.
pub(crate) async fn ends_orderly(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.is_ok()
}

/// A pool that connects straight, with these settings.
pub(crate) fn pool_with(options: NetworkOptions, change: impl FnOnce(&mut Route)) -> Pool {
    let network = Network::new(options);
    let mut route = Route::direct(network.tls_profile(&TlsSettings::default()).unwrap());
    change(&mut route);
    Pool::new(network, Rc::new(route))
}

/// A pool as a user without settings has it.
pub(crate) fn pool() -> Pool {
    pool_with(NetworkOptions::default(), |_| {})
}

/// A request that owns what [`Exchange`] borrows; tests change what they care about.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, &'static [u8])>,
    pub(crate) body: Body,
    pub(crate) version: VersionChoice,
    pub(crate) reuse: Reuse,
    pub(crate) expect_continue: bool,
    pub(crate) keep_body: bool,
    pub(crate) body_bytes_max: usize,
    pub(crate) timeout: Duration,
}

impl Ask {
    pub(crate) fn get(url: &Url) -> Self {
        Self {
            method: Method::GET,
            url: url.clone(),
            headers: Vec::new(),
            body: Body::None,
            version: VersionChoice::Automatic,
            reuse: Reuse::Keep,
            expect_continue: false,
            keep_body: true,
            body_bytes_max: 1 << 20,
            timeout: Duration::from_secs(60),
        }
    }

    pub(crate) fn post(url: &Url, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            body: Body::Bytes(body.into()),
            ..Self::get(url)
        }
    }

    pub(crate) async fn send(&self, pool: &Pool) -> Result<Answer, Failure> {
        let request = Exchange {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: &self.body,
            version: self.version,
            reuse: self.reuse,
            expect_continue: self.expect_continue,
            keep_body: self.keep_body,
            body_bytes_max: self.body_bytes_max,
            deadline: Instant::now() + self.timeout,
        };
        pool.exchange(&request).await
    }
}

/// A certificate authority and a server certificate made for one test.
pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: rcgen::Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for a name, changed as wanted, with its key: both as PEM.
    pub(crate) fn issue(
        &self,
        name: &str,
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        (
            params.signed_by(&key, &self.issuer).unwrap().pem(),
            key.serialize_pem(),
        )
    }

    /// A server that proves itself with a certificate, speaks these protocols, and asks clients for a certificate if told to.
    pub(crate) fn acceptor(
        &self,
        identity: &(String, String),
        alpn: &[&str],
        ask_client: bool,
    ) -> tokio_rustls::TlsAcceptor {
        use rustls_pki_types::pem::PemObject as _;
        use rustls_pki_types::{CertificateDer, PrivateKeyDer};
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if ask_client {
            let mut roots = rustls::RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
                .unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_slice(identity.0.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(identity.1.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }
}
