//! Reading one element: whether it is one, within the limits, and what it is. `rxml` reads it, and no tree is made.
//!
//! A stream's header binds nothing but the two names that all streams share. So any parser that has seen them can go on with any
//! session's next element: a session between two has none, and a few are kept for all sessions of a thread.

use std::cell::RefCell;

use rxml::error::EndOrError;
use rxml::parser::CommentMode;
use rxml::{Parse, WithOptions};

use super::framer::FrameError;
use super::stanza::Head;
use super::{DEPTH_MAX, TOKEN_BYTES_MAX};

/// What every stream begins with, as far as names go: parsers begin with it.
const PRELUDE: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
/// Parsers that a thread keeps: it works on one session at a time, and only those whose elements come in pieces hold one.
pub(super) const PARSERS_MAX: usize = 4;
/// What a parser is shown at a time: it looks to the end of a text whenever it takes up a part of it, which would be again and
/// again in a long one.
const PIECE_BYTES: usize = 16 << 10;
/// A parser that read more than this is not kept: what it has set aside for attributes would stay.
const KEPT_PARSER_BYTES_MAX: usize = 64 << 10;

thread_local! {
    static PARSERS: RefCell<[Option<Box<Reader>>; PARSERS_MAX]> = const { RefCell::new([const { None }; PARSERS_MAX]) };
}

/// What a [`Reader`] saw.
pub(super) enum Seen {
    /// All bytes were read, and the element goes on.
    More,
    /// The first level's next element is whole.
    Element(Head),
    /// The document ended.
    End,
}

/// A parser on its way through one element of a stream's first level.
#[derive(Debug)]
pub(super) struct Reader {
    parser: rxml::Parser,
    depth: usize,
    head: Option<Head>,
}

/// One that has seen nothing.
pub(super) fn parser() -> rxml::Parser {
    rxml::Parser::with_options(options())
}

/// How all are to read.
#[expect(
    clippy::field_reassign_with_default,
    reason = "no literal makes it outside of its crate"
)]
pub(super) fn options() -> rxml::Options {
    let mut options = rxml::Options::default();
    options.max_token_length = TOKEN_BYTES_MAX;
    options.comments = CommentMode::Reject;
    options
}

impl Reader {
    /// One that has seen a stream's header.
    pub(super) fn take() -> Box<Self> {
        let kept = PARSERS.with_borrow_mut(|parsers| parsers.iter_mut().find_map(Option::take));
        kept.unwrap_or_else(|| {
            let mut parser = parser();
            let begun = parser.parse(&mut &PRELUDE[..], false);
            debug_assert!(matches!(begun, Ok(Some(_))), "{begun:?}");
            Box::new(Self {
                parser,
                depth: 1,
                head: None,
            })
        })
    }

    /// Keep it for whoever is next, after a whole element of so many bytes.
    pub(super) fn give_back(self: Box<Self>, bytes: usize) {
        debug_assert!(self.depth == 1 && self.head.is_none());
        if bytes > KEPT_PARSER_BYTES_MAX {
            return;
        }
        PARSERS.with_borrow_mut(|parsers| {
            if let Some(free) = parsers.iter_mut().find(|parser| parser.is_none()) {
                *free = Some(self);
            }
        });
    }

    /// Read up to the end of the element, or of the input. The element is at most `left` bytes longer.
    pub(super) fn read(&mut self, input: &mut &[u8], left: usize) -> Result<Seen, FrameError> {
        let available = input.len();
        loop {
            let mut piece = input.get(..PIECE_BYTES).unwrap_or(input);
            let offered = piece.len();
            let event = self.parser.parse(&mut piece, false);
            *input = input.get(offered - piece.len()..).unwrap_or_default();
            if available - input.len() > left {
                return Err(FrameError::too_large("a stanza is too long"));
            }
            let event = match event {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(Seen::End),
                Err(EndOrError::NeedMoreData) if input.is_empty() => return Ok(Seen::More),
                Err(EndOrError::NeedMoreData) => continue,
                Err(EndOrError::Error(error)) => return Err(error.into()),
            };
            match event {
                rxml::Event::StartElement(_, name, attributes) => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX + 1 {
                        let text = format!("more than {DEPTH_MAX} levels of elements");
                        return Err(FrameError::too_large(text));
                    }
                    match &mut self.head {
                        None => self.head = Some(Head::new(name, attributes)),
                        Some(head) if self.depth == 3 => head.add_payload(name),
                        Some(_) => {}
                    }
                }
                rxml::Event::EndElement(_) => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Ok(Seen::End);
                    }
                    if self.depth == 1
                        && let Some(head) = self.head.take()
                    {
                        return Ok(Seen::Element(head));
                    }
                }
                rxml::Event::Text(..) | rxml::Event::XmlDeclaration(..) => {}
            }
        }
    }

    /// Give back what was set aside for what comes next.
    pub(super) fn release(&mut self) {
        self.parser.release_temporaries();
    }
}
