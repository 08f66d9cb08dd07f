//! Connecting to servers that say what a script says.

mod login;
mod redirect;
mod route;
mod weather;
mod yes;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::dial::{Network, NetworkOptions, Route};
use crate::http::ClientConfig;
use crate::peer::Peer;
use crate::rtmp::command::{self, Message};
use crate::rtmp::message::Incoming;
use crate::rtmp::{Status, Value};
use crate::tls::TlsSettings;

/// Length of C1, C2, S1 and S2.
const BLOCK_BYTES: usize = 1536;

/// A request as the defaults have it.
fn request(url: &str) -> ConnectRequest {
    ConnectRequest {
        url: url.to_owned(),
        timeout: Duration::from_secs(30),
        app: None,
        tc_url: None,
        credentials: None,
        fields: Vec::new(),
        arguments: Vec::new(),
        chunk_bytes: 4096,
        tls: None,
    }
}

fn client() -> HttpClient {
    client_with(NetworkOptions::default(), |_| {})
}

fn client_with(options: NetworkOptions, change: impl FnOnce(&mut Route)) -> HttpClient {
    let network = Network::new(options);
    let mut route = Route::direct(network.tls_profile(&TlsSettings::default()).unwrap());
    change(&mut route);
    HttpClient::new(network, Rc::new(ClientConfig::new(Rc::new(route))))
}

/// What came of connecting.
struct Tried {
    attempt: Attempt,
    outcome: Result<Established, RtmpError>,
}

impl Tried {
    #[track_caller]
    fn error(self) -> RtmpError {
        self.outcome.map(|_| ()).unwrap_err()
    }

    #[track_caller]
    fn refused(self) -> Status {
        match self.error() {
            RtmpError::Refused(status) => status,
            other => panic!("{other:?}"),
        }
    }

    /// What would be counted of an error, and its text.
    #[track_caller]
    fn check_error(self, kind: &str, text: &str) -> Attempt {
        let attempt = self.attempt.clone();
        let error = self.error();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        attempt
    }
}

async fn try_with(client: &HttpClient, request: ConnectRequest) -> Tried {
    let mut attempt = Attempt::default();
    let outcome = client.establish_rtmp(request, &mut attempt).await;
    Tried { attempt, outcome }
}

/// The application `live` of this peer.
fn live(peer: &Peer) -> ConnectRequest {
    request(&format!("rtmp://{}/live", peer.address))
}

/// Connect to a server that does this behind the handshake.
async fn attempt<F: Future<Output = ()> + 'static>(
    script: impl Fn(usize, Server) -> F + 'static,
) -> Tried {
    let peer = serve(script).await;
    try_with(&client(), live(&peer)).await
}

/// A server that does this behind the handshake.
async fn serve<F: Future<Output = ()> + 'static>(
    script: impl Fn(usize, Server) -> F + 'static,
) -> Peer {
    let script = Rc::new(script);
    Peer::start(move |number, stream| {
        let script = script.clone();
        async move {
            script(number, Server::shake(stream).await).await;
        }
    })
    .await
}

/// Connect commands as servers saw them: application and `tcUrl`.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<Vec<(String, String)>>>);

impl Seen {
    fn add(&self, object: &Value) {
        let text = |name: &str| object.field(name).unwrap().text().unwrap().to_owned();
        self.0.borrow_mut().push((text("app"), text("tcUrl")));
    }

    fn apps(&self) -> Vec<String> {
        let seen = self.0.borrow();
        seen.iter().map(|(app, _)| app.clone()).collect()
    }
}

/// A server's end of a connection.
struct Server<S = TcpStream> {
    stream: S,
    reader: Reader,
    encoder: Encoder,
    heard: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Server<S> {
    /// The handshake, with a client that must echo what it is sent.
    async fn shake(mut stream: S) -> Self {
        let mut c0c1 = [0; 1 + BLOCK_BYTES];
        stream.read_exact(&mut c0c1).await.unwrap();
        assert_eq!(c0c1[0], 3);
        let s1: Vec<u8> = (0..BLOCK_BYTES).map(|index| (index * 7) as u8).collect();
        let s0s1s2 = [&[3][..], &s1, &c0c1[1..]].concat();
        stream.write_all(&s0s1s2).await.unwrap();
        let mut c2 = [0; BLOCK_BYTES];
        stream.read_exact(&mut c2).await.unwrap();
        assert_eq!((&c2[..4], &c2[8..]), (&s1[..4], &s1[8..]));
        Self {
            stream,
            reader: Reader::new(),
            encoder: Encoder::new(),
            heard: Vec::new(),
        }
    }

    /// The next message; `None` at the end.
    async fn hear(&mut self) -> Option<Incoming> {
        loop {
            let mut unseen = self.heard.as_slice();
            let message = self.reader.next(&mut unseen).unwrap();
            let seen = self.heard.len() - unseen.len();
            self.heard.drain(..seen);
            if message.is_some() {
                return message;
            }
            if self.stream.read_buf(&mut self.heard).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The connect command: its object, and what follows.
    async fn connect_command(&mut self) -> Vec<Value> {
        match self.hear().await {
            Some(Incoming::Command {
                stream_id: 0,
                name,
                transaction,
                values,
            }) => {
                assert_eq!((name.as_str(), transaction), ("connect", 1.0));
                values
            }
            other => panic!("{other:?}"),
        }
    }

    fn encoded(&mut self, messages: &[Message]) -> Vec<u8> {
        let mut out = Vec::new();
        for message in messages {
            message.write(&mut self.encoder, &mut out, 0);
        }
        out
    }

    async fn say(&mut self, messages: &[Message]) {
        let bytes = self.encoded(messages);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Refuse the command for this reason, and go.
    async fn reject(mut self, description: &str) {
        self.connect_command().await;
        self.say(&[rejection(description, None)]).await;
    }

    /// Say yes, and wait until the client goes.
    async fn accept(mut self) {
        self.connect_command().await;
        self.say(&[success()]).await;
        while self.hear().await.is_some() {}
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn information(level: &str, code: &str, description: &str) -> Vec<(String, Value)> {
    [
        ("level", level),
        ("code", code),
        ("description", description),
    ]
    .map(|(name, value)| (name.to_owned(), text(value)))
    .to_vec()
}

/// As nginx-rtmp says yes.
fn success() -> Message {
    let properties = vec![
        ("fmsVer".to_owned(), text("FMS/3,0,1,123")),
        ("capabilities".to_owned(), Value::Number(31.0)),
    ];
    let code = "NetConnection.Connect.Success";
    let information = information("status", code, "Connection succeeded.");
    let values = [Value::Object(properties), Value::Object(information)];
    command::command(0, "_result", 1.0, &values)
}

/// As servers of Adobe's kind say no.
fn rejection(description: &str, redirect: Option<(f64, &str)>) -> Message {
    let code = "NetConnection.Connect.Rejected";
    let mut information = information("error", code, description);
    if let Some((code, url)) = redirect {
        let extra = vec![
            ("code".to_owned(), Value::Number(code)),
            ("redirect".to_owned(), text(url)),
        ];
        information.push(("ex".to_owned(), Value::Object(extra)));
    }
    let values = [Value::Null, Value::Object(information)];
    command::command(0, "_error", 1.0, &values)
}
