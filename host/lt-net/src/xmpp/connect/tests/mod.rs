//! Connecting to servers that say what a script says.

mod login;
mod management;
mod register;
mod tls;
mod weather;
mod websocket;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;
use crate::dial::{Network, NetworkOptions, Route};
use crate::http::ClientConfig;
use crate::peer::{Peer, local};
use crate::tls::TlsSettings;
use crate::websocket::InboxOptions;
use crate::xmpp::{
    Condition, CustomStep, Filter, Filters, Handlers, Intake, Mechanism, STANZA_BYTES_DEFAULT,
    Security, StanzaKind, Step, StreamManagement, Transport,
};

/// Features before and after a login with PLAIN.
pub(super) const PLAIN: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>";
pub(super) const BIND: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
pub(super) const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

/// A request as the defaults have it, without TLS and with PLAIN, for whoever listens at the address that is still to be filled in.
pub(super) fn request() -> ConnectRequest {
    ConnectRequest {
        jid: "romeo@example.org".to_owned(),
        password: "secret".to_owned(),
        transport: Transport::Tcp,
        address: None,
        security: Security::None,
        mechanisms: Some(vec![Mechanism::Plain]),
        tls: None,
        local_address: None,
        steps: vec![
            Step::Stream,
            Step::Tls,
            Step::Authenticate,
            Step::Resume,
            Step::Bind,
            Step::Session,
        ],
        timeout: Duration::from_secs(60),
        step_timeout: Duration::from_secs(30),
        quick_ack: false,
        handlers: Handlers::default(),
        intake: Intake::default(),
        inbox: InboxOptions::default(),
        stanza_bytes_max: STANZA_BYTES_DEFAULT,
    }
}

pub(in crate::xmpp) fn client() -> HttpClient {
    client_of(NetworkOptions::default())
}

pub(super) fn client_of(options: NetworkOptions) -> HttpClient {
    let network = Network::new(options);
    let profile = network.tls_profile(&TlsSettings::default()).unwrap();
    let config = ClientConfig::new(Rc::new(Route::direct(profile)));
    HttpClient::new(network, Rc::new(config))
}

/// What came of connecting.
pub(super) struct Tried {
    pub(super) attempt: Attempt,
    pub(super) outcome: Result<Established, XmppError>,
}

impl Tried {
    /// Names of the steps, in order.
    pub(super) fn steps(&self) -> Vec<&str> {
        self.attempt.steps.iter().map(|(name, _)| &**name).collect()
    }

    pub(super) fn failed(&self) -> Option<&str> {
        self.attempt.failed.as_deref()
    }

    pub(super) fn took(&self, step: &str) -> Duration {
        let mut steps = self.attempt.steps.iter();
        steps.find(|(name, _)| &**name == step).unwrap().1
    }

    #[track_caller]
    pub(super) fn error(self) -> XmppError {
        self.outcome.unwrap_err()
    }

    #[track_caller]
    pub(super) fn established(self) -> Established {
        self.outcome.unwrap()
    }
}

/// Connect to a server that does what the script says, to its end.
pub(super) async fn attempt<F: Future<Output = ()> + 'static>(
    request: ConnectRequest,
    script: impl Fn(Server) -> F + 'static,
) -> Tried {
    attempt_as(&client(), request, None, script).await
}

pub(super) async fn attempt_as<F: Future<Output = ()> + 'static>(
    client: &HttpClient,
    mut request: ConnectRequest,
    resume: Option<Rc<RefCell<Resumption>>>,
    script: impl Fn(Server) -> F + 'static,
) -> Tried {
    let (done, server) = oneshot::channel();
    let done = RefCell::new(Some(done));
    let peer = Peer::start(move |_, stream| {
        let (script, done) = (script(Server::new(stream)), done.take().unwrap());
        async move {
            script.await;
            let _ = done.send(());
        }
    })
    .await;
    request.address.get_or_insert(peer.address.to_string());
    let mut attempt = Attempt::default();
    let outcome = client.establish(request, resume, &mut attempt).await;
    server.await.expect("the server's script failed");
    Tried { attempt, outcome }
}

/// A server's end of a connection.
pub(super) struct Server<S = TcpStream> {
    pub(super) stream: S,
    unseen: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Server<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            unseen: String::new(),
        }
    }

    /// Wait until this came; all up to it.
    pub(super) async fn see(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.unseen.find(wanted) {
                let rest = self.unseen.split_off(at + wanted.len());
                return std::mem::replace(&mut self.unseen, rest);
            }
            let mut bytes = vec![0; 4096];
            let read = self.stream.read(&mut bytes).await.unwrap_or(0);
            assert!(read > 0, "{wanted:?} did not come, but {:?}", self.unseen);
            self.unseen += std::str::from_utf8(&bytes[..read]).unwrap();
        }
    }

    /// Wait until nothing more comes; what came.
    pub(super) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = self.stream.read_to_end(&mut bytes).await;
        self.unseen += std::str::from_utf8(&bytes).unwrap();
        std::mem::take(&mut self.unseen)
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        // Over TLS it is not with the kernel before.
        self.stream.flush().await.unwrap();
    }

    /// A stream's header is answered, with these features.
    pub(super) async fn open(&mut self, features: &str) -> String {
        let header = self.see("version='1.0'>").await;
        self.say(&opening(features)).await;
        header
    }

    /// A login with PLAIN, up to the features of the next stream.
    pub(super) async fn log_in(&mut self, features: &str) {
        self.open(PLAIN).await;
        self.see("</auth>").await;
        self.say(SUCCESS).await;
        self.open(features).await;
    }

    /// An `iq` comes; its id.
    pub(super) async fn iq(&mut self) -> String {
        let iq = self.see("</iq>").await;
        attribute_of(&iq, "id").to_owned()
    }

    /// The resource is bound, under this full JID.
    pub(super) async fn bind(&mut self, jid: &str) {
        let id = self.iq().await;
        self.say(&bound(&id, jid)).await;
    }
}

/// A header and features, as a server says them.
pub(super) fn opening(features: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
         id='s1' from='example.org' version='1.0'><stream:features>{features}</stream:features>"
    )
}

pub(super) fn bound(id: &str, jid: &str) -> String {
    format!(
        "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{jid}</jid></bind></iq>"
    )
}

/// An attribute in single quotes.
#[track_caller]
pub(super) fn attribute_of<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!(" {name}='")).unwrap();
    rest.split_once('\'').unwrap().0
}

pub(super) const ORCHARD: &str = "romeo@example.org/orchard";
