//! A small HTTP/1.1 peer on a port of its own: answers are raw bytes, requests are kept to be looked at.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Which connection, counted from zero.
    pub(super) connection: usize,
    pub(super) method: String,
    pub(super) target: String,
    /// Fields in order, names in lower case.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    /// The values of a field, joined; none if it did not arrive.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect();
        (!values.is_empty()).then(|| values.join(" && "))
    }
}

pub(super) struct Peer {
    pub(super) address: SocketAddr,
    seen: Rc<RefCell<Vec<Seen>>>,
}

impl Peer {
    /// Serve on the current `LocalSet` until the test ends. An empty answer leaves the request without one.
    pub(super) async fn start(answer: impl Fn(&Seen) -> Vec<u8> + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let answer = Rc::new(answer);
        let shared = seen.clone();
        tokio::task::spawn_local(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, answer) = (shared.clone(), answer.clone());
                tokio::task::spawn_local(async move {
                    serve(stream, connection, &seen, &*answer).await;
                });
            }
        });
        Self { address, seen }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far, in order.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    pub(super) fn last(&self) -> Seen {
        self.seen().pop().unwrap()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    seen: &RefCell<Vec<Seen>>,
    answer: &dyn Fn(&Seen) -> Vec<u8>,
) {
    let mut bytes = Vec::new();
    loop {
        let Some(request) = read_request(&mut stream, &mut bytes, connection).await else {
            return;
        };
        let closes = request.header("connection").as_deref() == Some("close");
        let reply = answer(&request);
        seen.borrow_mut().push(request);
        if stream.write_all(&reply).await.is_err() || closes {
            return;
        }
    }
}

async fn read_request(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    connection: usize,
) -> Option<Seen> {
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head: Vec<u8> = bytes.drain(..head_end).collect();
    let mut lines = head
        .split(|&byte| byte == b'\n')
        .map(|line| line.trim_ascii());
    let first = String::from_utf8(lines.next()?.to_vec()).unwrap();
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<_> = lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let colon = line.iter().position(|&byte| byte == b':').unwrap();
            let name = String::from_utf8(line[..colon].to_ascii_lowercase()).unwrap();
            (name, line[colon + 1..].trim_ascii().to_vec())
        })
        .collect();
    let mut request = Seen {
        connection,
        method,
        target,
        headers,
        body: Vec::new(),
    };
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < length {
        stream.read_buf(bytes).await.ok()?;
    }
    request.body = bytes.drain(..length).collect();
    Some(request)
}

/// An answer with a `content-length`.
pub(super) fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut reply = format!(
        "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        reply.push_str(&format!("{name}: {value}\r\n"));
    }
    reply.push_str("\r\n");
    let mut reply = reply.into_bytes();
    reply.extend_from_slice(body);
    reply
}

/// A redirect.
pub(super) fn redirect(status: u16, location: &str) -> Vec<u8> {
    reply(status, &[("location", location)], "moved")
}
