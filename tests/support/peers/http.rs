//! An HTTP/1.1 server that remembers what it was asked and answers byte for byte what a test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::peers::TcpPeer;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// Request target: a path, or for a proxy a URL or an authority.
    pub target: String,
    /// Header fields in their order, names as they came.
    pub headers: Vec<(String, String)>,
    /// Body, after undoing chunks.
    pub body: Vec<u8>,
    /// Sizes of the body's chunks; empty if it was not chunked.
    pub chunks: Vec<usize>,
    /// Number of its connection, counted from 0.
    pub connection: usize,
    /// Where the connection came from.
    pub from: SocketAddr,
}

impl Seen {
    /// First header field of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(found, _)| *found == name))
            .map(|(_, value)| value)
    }

    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Wait for the next request.
    Keep,
    /// Close it.
    Close,
}

/// See the module.
pub struct HttpPeer {
    peer: TcpPeer,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl HttpPeer {
    /// Answer each request with `answer`, which writes to the connection whatever it likes. Requests are remembered
    /// before they are answered.
    pub fn start(answer: impl Fn(&Seen, &mut TcpStream) -> Then + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = seen.clone();
        let peer = TcpPeer::start(move |stream, connection| {
            let Ok(from) = stream.peer_addr() else { return };
            let Ok(mut writer) = stream.try_clone() else {
                return;
            };
            let mut reader = BufReader::new(stream);
            while let Some(request) = read_request(&mut reader, &mut writer, connection, from) {
                remembered
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(request.clone());
                let last = request
                    .header("connection")
                    .is_some_and(|value| value.eq_ignore_ascii_case("close"));
                if answer(&request, &mut writer) == Then::Close || last {
                    let _closed = writer.shutdown(std::net::Shutdown::Write);
                    return;
                }
            }
        });
        Self { peer, seen }
    }

    /// Answer each request with 200 and this body.
    #[must_use]
    pub fn always(body: &'static str) -> Self {
        Self::start(move |_, stream| {
            respond(stream, 200, &[], body.as_bytes());
            Then::Keep
        })
    }

    /// A URL on it, of this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.peer.url(path)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// All requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Requests so far for this path.
    #[must_use]
    pub fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen()
            .into_iter()
            .filter(|request| request.path() == path)
            .collect()
    }
}

/// Write a whole response with a `content-length`. The client may have gone: that is what some tests are about.
pub fn respond(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!(
        "HTTP/1.1 {status} Some Reason\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let _gone = stream.write_all(&[head.as_bytes(), body].concat());
}

/// Ask a server on 127.0.0.1 in plain words, and read all that it says: head and body.
///
/// # Panics
/// If it cannot be reached.
#[must_use]
#[track_caller]
pub fn ask(port: u16, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let _gone = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Read a request to its end; `None` at the end of the connection or on anything that is no request.
pub fn read_request(
    reader: &mut BufReader<TcpStream>,
    writer: &mut TcpStream,
    connection: usize,
    from: SocketAddr,
) -> Option<Seen> {
    let line = read_line(reader)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut seen = Seen {
        method,
        target,
        headers,
        body: Vec::new(),
        chunks: Vec::new(),
        connection,
        from,
    };
    if seen
        .header("expect")
        .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    {
        let _gone = writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    if seen
        .header("transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    {
        read_chunks(reader, &mut seen)?;
    } else if let Some(length) = seen.header("content-length") {
        seen.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut seen.body).ok()?;
    }
    Some(seen)
}

fn read_chunks(reader: &mut BufReader<TcpStream>, seen: &mut Seen) -> Option<()> {
    loop {
        let size = usize::from_str_radix(read_line(reader)?.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            while !read_line(reader)?.is_empty() {}
            return Some(());
        }
        let start = seen.body.len();
        seen.body.resize(start + size, 0);
        reader.read_exact(seen.body.get_mut(start..)?).ok()?;
        seen.chunks.push(size);
        read_line(reader)?;
    }
}

fn read_line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}
