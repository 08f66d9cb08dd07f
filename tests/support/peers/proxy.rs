//! A proxy that remembers whom it was asked for: forwards plain requests (RFC 9112, section 3.2.2) and opens tunnels (RFC 9110,
//! section 9.3.6).

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use crate::peers::TcpPeer;
use crate::peers::http::{Seen, read_request};

/// See the module.
pub struct ProxyPeer {
    peer: TcpPeer,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl ProxyPeer {
    /// A proxy that serves everyone.
    #[must_use]
    pub fn open() -> Self {
        Self::start(None)
    }

    /// A proxy that answers 407 unless `proxy-authorization` has this value.
    #[must_use]
    pub fn guarded(authorization: &'static str) -> Self {
        Self::start(Some(authorization))
    }

    fn start(authorization: Option<&'static str>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = seen.clone();
        let peer = TcpPeer::start(move |stream, number| {
            // A client that leaves is no fault of the proxy.
            let _left = serve(stream, number, authorization, &remembered);
        });
        Self { peer, seen }
    }

    /// Its URL, as `--proxy` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        self.peer.url("")
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    /// All requests so far, tunnels among them.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn serve(
    stream: TcpStream,
    number: usize,
    authorization: Option<&str>,
    seen: &Mutex<Vec<Seen>>,
) -> Option<()> {
    let from = stream.peer_addr().ok()?;
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let request = read_request(&mut reader, &mut writer, number, from)?;
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.clone());
        if authorization.is_some() && request.header("proxy-authorization") != authorization {
            writer
                .write_all(b"HTTP/1.1 407 Who Are You\r\nproxy-authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\n\r\n")
                .ok()?;
            continue;
        }
        if request.method == "CONNECT" {
            let target = TcpStream::connect(&request.target).ok()?;
            writer.write_all(b"HTTP/1.1 200 Open\r\n\r\n").ok()?;
            return tunnel(reader, writer, target);
        }
        forward(&request, &mut writer)?;
    }
}

/// Send a request on its own connection and hand the answer back; the target closes it at its end.
fn forward(request: &Seen, writer: &mut TcpStream) -> Option<()> {
    let rest = request.target.strip_prefix("http://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut target = TcpStream::connect(authority).ok()?;
    let mut head = format!(
        "{} /{path} HTTP/1.1\r\nconnection: close\r\nvia: 1.1 test\r\n",
        request.method
    );
    for (name, value) in &request.headers {
        let hop = [
            "connection",
            "proxy-authorization",
            "proxy-connection",
            "transfer-encoding",
        ];
        if !hop.iter().any(|hop| name.eq_ignore_ascii_case(hop)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("\r\n");
    target.write_all(head.as_bytes()).ok()?;
    target.write_all(&request.body).ok()?;
    let mut answer = Vec::new();
    target.read_to_end(&mut answer).ok()?;
    writer.write_all(&answer).ok()
}

/// Carry bytes both ways until one side closes.
fn tunnel(
    mut client: BufReader<TcpStream>,
    mut to_client: TcpStream,
    target: TcpStream,
) -> Option<()> {
    let mut from_target = target.try_clone().ok()?;
    let mut to_target = target;
    let back = std::thread::spawn(move || {
        let _ended = std::io::copy(&mut from_target, &mut to_client);
        let _closed = to_client.shutdown(std::net::Shutdown::Write);
    });
    let _ended = std::io::copy(&mut client, &mut to_target);
    let _closed = to_target.shutdown(std::net::Shutdown::Write);
    back.join().ok()
}
