//! An XMPP server that says what a test tells it to, word for word, also such as no server may say, and remembers what clients sent.
//! It has no TLS: real servers are for that.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::peers::TcpPeer;
use crate::process::wait_until;

/// Bytes of one read.
const CHUNK_BYTES: usize = 16 << 10;
/// Time that clients get to end their connections after a run.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Namespaces of RFC 6120 and XEP-0198.
pub mod ns {
    /// Streams.
    pub const STREAMS: &str = "http://etherx.jabber.org/streams";
    /// Conditions of stream errors.
    pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
    /// Conditions of stanza errors.
    pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
    /// SASL.
    pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
    /// StartTLS.
    pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
    /// Binding a resource.
    pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
    /// Stream management.
    pub const SM: &str = "urn:xmpp:sm:3";
}

/// Features before a client is known: these mechanisms.
#[must_use]
pub fn mechanisms(names: &[&str]) -> String {
    let each = names
        .iter()
        .map(|name| format!("<mechanism>{name}</mechanism>"));
    let each: String = each.collect();
    format!("<mechanisms xmlns='{}'>{each}</mechanisms>", ns::SASL)
}

/// Features for a client that is known: binding, and stream management.
#[must_use]
pub fn known_features() -> String {
    format!("<bind xmlns='{}'/><sm xmlns='{}'/>", ns::BIND, ns::SM)
}

/// A stream error and the end of the stream.
#[must_use]
pub fn stream_error(condition: &str, text: &str) -> String {
    let errors = ns::STREAM_ERRORS;
    format!(
        "<stream:error><{condition} xmlns='{errors}'/><text xmlns='{errors}'>{text}</text></stream:error></stream:stream>"
    )
}

/// The value of the first attribute of this name.
#[must_use]
pub fn attribute(xml: &str, name: &str) -> Option<String> {
    ['\'', '"'].into_iter().find_map(|quote| {
        let (_, behind) = xml.split_once(&format!(" {name}={quote}"))?;
        let (value, _) = behind.split_once(quote)?;
        Some(value.to_owned())
    })
}

/// The server's end of a connection. A client that has gone is no fault: that is what some tests are about.
pub struct XmppWire {
    stream: TcpStream,
    /// Number of the connection, counted from 0.
    pub connection: usize,
    /// All that the client sent.
    seen: String,
    /// How much of it [`XmppWire::read_until`] has given out.
    given: usize,
    is_reset: bool,
}

impl XmppWire {
    /// Say this.
    pub fn say(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(text.as_ref()).is_ok()
    }

    /// Read until the client has said this; what it said since the last time, this included. `None` at the end of the connection.
    pub fn read_until(&mut self, needle: &str) -> Option<String> {
        loop {
            let rest = self.seen.get(self.given..).unwrap_or_default();
            if let Some(at) = rest.find(needle) {
                let said = rest.get(..at + needle.len()).map(str::to_owned);
                self.given += at + needle.len();
                return said;
            }
            if !self.read_some() {
                return None;
            }
        }
    }

    /// Read to the end of the connection, or to the end of the stream, which is not answered.
    pub fn read_to_end(&mut self) {
        while self.read_some() {}
    }

    /// Read until the client ends the stream, and end it too.
    pub fn answer_end(&mut self) {
        if self.read_until("</stream:stream>").is_some() {
            self.say("</stream:stream>");
        }
    }

    fn read_some(&mut self) -> bool {
        let mut chunk = [0; CHUNK_BYTES];
        match self.stream.read(&mut chunk) {
            Ok(read @ 1..) => {
                let read = chunk.get(..read).unwrap_or_default();
                self.seen.push_str(&String::from_utf8_lossy(read));
                true
            }
            _ => false,
        }
    }

    /// Wait for the header of the stream.
    pub fn await_header(&mut self) -> Option<String> {
        self.read_until("<stream:stream")?;
        self.read_until(">")
    }

    /// Answer it.
    pub fn say_header(&mut self) -> bool {
        self.say(format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='{}' id='scripted' from='localhost' version='1.0'>",
            ns::STREAMS
        ))
    }

    /// Open the stream with these features.
    pub fn open(&mut self, features: &str) -> Option<String> {
        let header = self.await_header()?;
        self.say_header();
        self.say(format!("<stream:features>{features}</stream:features>"));
        Some(header)
    }

    /// Offer PLAIN and take whatever comes; the client knows then that it is known, and has the features of [`known_features`].
    pub fn authenticate(&mut self) -> Option<()> {
        self.open(&mechanisms(&["PLAIN"]))?;
        self.read_until("</auth>")?;
        self.say(format!("<success xmlns='{}'/>", ns::SASL));
        self.open(&known_features()).map(drop)
    }

    /// Wait for a request, and answer it with this as its result. Gives the request.
    pub fn answer(&mut self, payload: &str) -> Option<String> {
        let request = self.read_until("</iq>")?;
        let id = attribute(&request, "id")?;
        self.say(format!("<iq type='result' id='{id}'>{payload}</iq>"));
        Some(request)
    }

    /// Bind a resource for it.
    pub fn bind(&mut self) -> Option<()> {
        let bound = format!(
            "<bind xmlns='{}'><jid>user_1@localhost/scripted</jid></bind>",
            ns::BIND
        );
        self.answer(&bound).map(drop)
    }

    /// All of logging in.
    pub fn log_in(&mut self) -> Option<()> {
        self.authenticate()?;
        self.bind()
    }

    /// All of logging in, up to a stream that may be resumed under this name.
    pub fn log_in_resumable(&mut self, id: &str) -> Option<()> {
        self.log_in()?;
        self.read_until("<enable")?;
        self.read_until(">")?;
        self.say(format!(
            "<enabled xmlns='{}' id='{id}' resume='true' max='60'/>",
            ns::SM
        ));
        Some(())
    }

    /// End the connection with a reset, as soon as the script is done.
    pub fn reset(&mut self) {
        let now = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&self.stream, now).expect("a socket can be told");
        self.is_reset = true;
    }
}

/// See the module.
pub struct XmppPeer {
    peer: TcpPeer,
    ended: Arc<Mutex<Vec<String>>>,
}

impl XmppPeer {
    /// Do on each connection what the script says. When it is done, nothing more is sent, and what the client still sends is read.
    #[must_use]
    pub fn start(script: impl Fn(&mut XmppWire) + Send + Sync + 'static) -> Self {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let remembered = ended.clone();
        let peer = TcpPeer::start(move |stream, connection| {
            let mut wire = XmppWire {
                stream,
                connection,
                seen: String::new(),
                given: 0,
                is_reset: false,
            };
            script(&mut wire);
            if !wire.is_reset {
                let _gone = wire.stream.shutdown(Shutdown::Write);
                wire.read_to_end();
            }
            let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.push(std::mem::take(&mut wire.seen));
        });
        Self { peer, ended }
    }

    /// Address and port of it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.peer.port())
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// What clients sent, for each connection that has ended, once there are so many.
    #[must_use]
    pub fn await_ended(&self, count_min: usize) -> Vec<String> {
        let ended = || {
            self.ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        let what = format!("{count_min} connections to end");
        wait_until(&what, END_LIMIT, || ended().len() >= count_min);
        ended()
    }
}

/// Base64 (RFC 4648, section 4), as SASL has it on the wire.
pub mod base64 {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    /// Bytes to text.
    #[must_use]
    pub fn encode(bytes: impl AsRef<[u8]>) -> String {
        let mut text = String::new();
        for three in bytes.as_ref().chunks(3) {
            let mut padded = [0; 4];
            padded[1..=three.len()].copy_from_slice(three);
            let bits = u32::from_be_bytes(padded);
            for place in 0..4 {
                let six = (bits >> (18 - 6 * place)) & 0x3f;
                let letter = char::from(ALPHABET[six as usize]);
                text.push(if place <= three.len() { letter } else { '=' });
            }
        }
        text
    }

    /// Text to text, as far as it is some; what is no letter of the alphabet is left out.
    #[must_use]
    pub fn decode(text: &str) -> String {
        let mut bytes = Vec::new();
        let (mut bits, mut count) = (0_u32, 0);
        let letters = text
            .bytes()
            .filter_map(|letter| ALPHABET.iter().position(|known| *known == letter));
        for six in letters {
            bits = bits << 6 | six as u32;
            count += 6;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_vectors_of_the_rfc() {
            for (plain, coded) in [
                ("", ""),
                ("f", "Zg=="),
                ("fo", "Zm8="),
                ("foo", "Zm9v"),
                ("foob", "Zm9vYg=="),
                ("fooba", "Zm9vYmE="),
                ("foobar", "Zm9vYmFy"),
            ] {
                assert_eq!(super::encode(plain), coded);
                assert_eq!(super::decode(coded), plain);
            }
        }
    }
}
