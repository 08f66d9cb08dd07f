//! Bytes in, elements out (RFC 6120, section 4; RFC 7395), without I/O.
//!
//! An element's text is kept as it came; whether it is one is told by a [`Reader`], which a session has only while it is in
//! the middle of an element.

use std::rc::Rc;

use rxml::Parse;
use rxml::error::EndOrError;
use tokio::time::Instant;

use super::TOKEN_BYTES_MAX;
use super::reader::{self, Reader, Seen};
use super::scan;
use super::stanza::Stanza;

/// Content of streams between clients and servers.
pub(crate) const NS_CLIENT: &str = "jabber:client";
/// The stream itself: its header, features and errors.
pub(crate) const NS_STREAMS: &str = "http://etherx.jabber.org/streams";
/// `<open/>` and `<close/>` of RFC 7395.
pub(crate) const NS_FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// Conditions of stream errors.
const NS_STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";

/// How a stream comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Bytes: one document as long as the stream.
    Stream,
    /// RFC 7395: each frame is a document.
    Document,
}

/// A stream's header, or `<open/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamHeader {
    /// The stream's id.
    pub(crate) id: Option<String>,
    /// The server's name.
    pub(crate) from: Option<String>,
    /// Version of XMPP.
    pub(crate) version: Option<String>,
}

/// Something came whole.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The stream begins.
    Open(StreamHeader),
    /// A stanza, or another element of the stream's first level. Over WebSocket a `<close/>` that names another address is
    /// a stream error `see-other-host`.
    Element(Stanza),
    /// The stream ends.
    Close,
}

/// What came is no stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameError {
    /// Condition of the stream error to send (RFC 6120, section 4.9.3).
    pub(crate) condition: &'static str,
    /// A limit was hit.
    pub(crate) too_large: bool,
    /// What, for people.
    pub(crate) text: String,
}

impl FrameError {
    pub(super) fn new(condition: &'static str, text: impl Into<String>) -> Self {
        Self {
            condition,
            too_large: false,
            text: text.into(),
        }
    }

    pub(crate) fn too_large(text: impl Into<String>) -> Self {
        Self {
            condition: "policy-violation",
            too_large: true,
            text: text.into(),
        }
    }
}

impl From<rxml::Error> for FrameError {
    fn from(error: rxml::Error) -> Self {
        use rxml::Error as E;
        let text = error.to_string();
        match error {
            // The only one that is a limit and no construct.
            E::RestrictedXml("long name or reference") => Self::too_large(format!(
                "a name or attribute of more than {TOKEN_BYTES_MAX} bytes"
            )),
            // `<!` that begins neither: a document type, or what was meant as one of them.
            E::InvalidSyntax("malformed cdata or comment section start") => Self::new(
                "restricted-xml",
                "a markup declaration, or a malformed comment or CDATA section",
            ),
            E::RestrictedXml(_) | E::UndeclaredEntity => Self::new("restricted-xml", text),
            E::UndeclaredNamespacePrefix(_)
            | E::ReservedNamespacePrefix
            | E::ReservedNamespaceName
            | E::EmptyNamespaceUri => Self::new("bad-namespace-prefix", text),
            _ => Self::new("not-well-formed", text),
        }
    }
}

/// Where in a stream we are.
#[derive(Debug)]
enum Place {
    /// Before its header.
    Start,
    /// In its header, with what came of it before.
    Header(Box<rxml::Parser>, Vec<u8>),
    /// Between two elements.
    Between,
    /// In an element, with what came of it before.
    Inside(Box<Reader>, Vec<u8>),
    /// Behind its end, or behind an error.
    Ended,
}

/// Makes elements of bytes.
#[derive(Debug)]
pub(crate) struct Framer {
    mode: Mode,
    place: Place,
    stanza_bytes_max: usize,
    own: Option<Rc<str>>,
}

impl Framer {
    /// At the beginning of a stream.
    pub(crate) fn new(mode: Mode, stanza_bytes_max: usize) -> Self {
        Self {
            mode,
            place: Place::Start,
            stanza_bytes_max,
            own: None,
        }
    }

    /// Whose stream it is: the bare JID that a stanza without `from` has come from (RFC 6120, section 8.1.2.1). Stays so when
    /// the stream is restarted.
    pub(crate) fn set_own(&mut self, bare: Rc<str>) {
        self.own = Some(bare);
    }

    /// Take of `input` what it can use, and stamp what these bytes complete. `None`: all of it was used, more is needed.
    ///
    /// # Errors
    /// What came is no stream, or over a limit. Nothing comes out after it until [`Framer::restart`].
    pub(crate) fn next(
        &mut self,
        input: &mut &[u8],
        arrived: Instant,
    ) -> Result<Option<Event>, FrameError> {
        debug_assert_eq!(self.mode, Mode::Stream);
        if matches!(self.place, Place::Start | Place::Between) {
            skip_white_space(input);
            match input.first() {
                None => return Ok(None),
                Some(b'<') => {}
                Some(_) => return Err(self.refuse_text(input)),
            }
        }
        // Whoever returns early, with an error, leaves it ended.
        match std::mem::replace(&mut self.place, Place::Ended) {
            Place::Start => self.header(Box::new(reader::parser()), Vec::new(), input),
            Place::Header(parser, text) => self.header(parser, text, input),
            Place::Between => self.inside(Reader::take(), Vec::new(), input, arrived),
            Place::Inside(reader, text) => self.inside(reader, text, input, arrived),
            Place::Ended => {
                *input = &[];
                Ok(None)
            }
        }
    }

    fn header(
        &mut self,
        mut parser: Box<rxml::Parser>,
        mut text: Vec<u8>,
        input: &mut &[u8],
    ) -> Result<Option<Event>, FrameError> {
        let begun = *input;
        let left = self.stanza_bytes_max.saturating_sub(text.len());
        loop {
            let event = parser.parse(input, false);
            if begun.len() - input.len() > left {
                return Err(FrameError::too_large("the stream's header is too long"));
            }
            match event {
                Ok(Some(rxml::Event::StartElement(_, (namespace, name), attributes))) => {
                    let text = whole(text, begun, input)?;
                    check_header(&text, namespace.as_str(), name.as_str())?;
                    self.place = Place::Between;
                    return Ok(Some(Event::Open(StreamHeader::new(attributes))));
                }
                Ok(Some(_)) => {}
                Err(EndOrError::NeedMoreData) => {
                    text.extend_from_slice(begun);
                    self.place = Place::Header(parser, text);
                    return Ok(None);
                }
                Err(EndOrError::Error(error)) => return Err(error.into()),
                Ok(None) => return Err(FrameError::new("bad-format", "no header")),
            }
        }
    }

    fn inside(
        &mut self,
        mut reader: Box<Reader>,
        mut text: Vec<u8>,
        input: &mut &[u8],
        arrived: Instant,
    ) -> Result<Option<Event>, FrameError> {
        let begun = *input;
        let left = self.stanza_bytes_max.saturating_sub(text.len());
        match reader.read(input, left)? {
            Seen::More => {
                text.extend_from_slice(begun);
                self.place = Place::Inside(reader, text);
                Ok(None)
            }
            Seen::End => Ok(Some(Event::Close)),
            Seen::Element(head) => {
                let text = whole(text, begun, input)?;
                reader.give_back(text.len());
                self.place = Place::Between;
                let stanza = Stanza::new(text, head, arrived, self.own.clone());
                Ok(Some(Event::Element(stanza)))
            }
        }
    }

    /// What a whole frame is.
    ///
    /// # Errors
    /// It is not one element, or over a limit.
    pub(crate) fn document(&mut self, frame: &str, arrived: Instant) -> Result<Event, FrameError> {
        debug_assert_eq!(self.mode, Mode::Document);
        let mut input = frame.as_bytes();
        skip_white_space(&mut input);
        if input.first() != Some(&b'<') {
            return Err(self.refuse_text(input));
        }
        let begun = input;
        let mut reader = Reader::take();
        let head = match reader.read(&mut input, self.stanza_bytes_max)? {
            Seen::Element(head) => head,
            Seen::More => return Err(FrameError::new("not-well-formed", "half an element")),
            Seen::End => return Err(FrameError::new("bad-format", "no element")),
        };
        let text = whole(Vec::new(), begun, input)?;
        reader.give_back(text.len());
        skip_white_space(&mut input);
        if !input.is_empty() {
            return Err(FrameError::new(
                "bad-format",
                "more than one element in a frame",
            ));
        }
        if head.namespace() != NS_FRAMING {
            let stanza = Stanza::new(text, head, arrived, self.own.clone());
            return Ok(Event::Element(stanza));
        }
        match head.name() {
            "open" => Ok(Event::Open(StreamHeader::of(&text))),
            "close" => Ok(match scan::root_attribute(&text, "see-other-uri") {
                None => Event::Close,
                Some(uri) => Event::Element(see_other_host(&uri, arrived)?),
            }),
            name => Err(FrameError::new(
                "bad-format",
                format!("`{name}` is no element of {NS_FRAMING}"),
            )),
        }
    }

    /// A new stream begins: with a header, whatever came before.
    pub(crate) fn restart(&mut self) {
        self.place = Place::Start;
    }

    /// Nothing is to be read now: give back what is not needed until then.
    pub(crate) fn idle(&mut self) {
        match &mut self.place {
            Place::Header(parser, _) => parser.release_temporaries(),
            Place::Inside(reader, _) => reader.release(),
            Place::Start | Place::Between | Place::Ended => {}
        }
    }

    /// Whether no half of a header or an element is here.
    pub(crate) fn is_between_elements(&self) -> bool {
        !matches!(self.place, Place::Header(..) | Place::Inside(..))
    }

    fn refuse_text(&mut self, input: &[u8]) -> FrameError {
        /// Enough for a status line.
        const SHOWN_BYTES_MAX: usize = 64;
        let shown = input.get(..SHOWN_BYTES_MAX).unwrap_or(input);
        let shown = String::from_utf8_lossy(shown);
        let at_start = matches!(self.place, Place::Start);
        self.place = Place::Ended;
        if at_start {
            FrameError::new("not-well-formed", format!("no XML: {shown:?}"))
        } else {
            FrameError::new("bad-format", format!("text between elements: {shown:?}"))
        }
    }
}

impl StreamHeader {
    fn new(mut attributes: rxml::AttrMap) -> Self {
        let mut take = |name| attributes.remove(&rxml::Namespace::NONE, name);
        Self {
            id: take("id"),
            from: take("from"),
            version: take("version"),
        }
    }

    fn of(open: &str) -> Self {
        let take = |name| scan::root_attribute(open, name).map(std::borrow::Cow::into_owned);
        Self {
            id: take("id"),
            from: take("from"),
            version: take("version"),
        }
    }
}

/// The stream error that a server over TCP would send.
fn see_other_host(uri: &str, arrived: Instant) -> Result<Stanza, FrameError> {
    let uri = scan::escape(uri);
    let text = format!(
        "<stream:error xmlns:stream='{NS_STREAMS}'><see-other-host xmlns='{NS_STREAM_ERRORS}'>{uri}</see-other-host></stream:error>"
    );
    let mut reader = Reader::take();
    match reader.read(&mut text.as_bytes(), usize::MAX)? {
        Seen::Element(head) => Ok(Stanza::new(text.into(), head, arrived, None)),
        Seen::More | Seen::End => Err(FrameError::new("bad-format", "no address")),
    }
}

/// A header must give the stream's two names to what they mean: the parsers of elements take them for given.
fn check_header(text: &str, namespace: &str, name: &str) -> Result<(), FrameError> {
    let refuse = |condition, text| Err(FrameError::new(condition, text));
    if namespace != NS_STREAMS {
        return refuse(
            "invalid-namespace",
            format!("the stream is in {namespace:?}"),
        );
    }
    if name != "stream" {
        return refuse(
            "bad-format",
            format!("`{name}` instead of a stream's header"),
        );
    }
    if scan::root_name(text) != Some("stream:stream") {
        let text = "the stream's prefix is not `stream`".to_owned();
        return refuse("bad-namespace-prefix", text);
    }
    let content = scan::root_attribute(text, "xmlns").unwrap_or_default();
    if content != NS_CLIENT {
        return refuse(
            "invalid-namespace",
            format!("the stream's content is in {content:?}"),
        );
    }
    if text.ends_with("/>") {
        return refuse("bad-format", "the stream ends with its header".to_owned());
    }
    Ok(())
}

/// The text of what began earlier, or at `begun`, and ends where `rest` begins.
fn whole(mut earlier: Vec<u8>, begun: &[u8], rest: &[u8]) -> Result<Box<str>, FrameError> {
    let used = begun.get(..begun.len() - rest.len()).unwrap_or(begun);
    let text = if earlier.is_empty() {
        std::str::from_utf8(used).map(Box::from)
    } else {
        earlier.extend_from_slice(used);
        String::from_utf8(earlier)
            .map(String::into_boxed_str)
            .map_err(|error| error.utf8_error())
    };
    text.map_err(|error| FrameError::new("not-well-formed", error.to_string()))
}

/// Space, tab, line feed and carriage return: what may keep a connection alive (RFC 6120, section 4.6.1).
fn skip_white_space(input: &mut &[u8]) {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = input {
        *input = rest;
    }
}

#[cfg(test)]
#[path = "framer_faults_tests.rs"]
mod faults;
#[cfg(test)]
#[path = "framer_tests.rs"]
mod tests;
