//! Stream management (XEP-0198): what was sent and not acknowledged, what was handled, and what is left of a stream that may be
//! resumed. Without I/O: connecting and the pump both use it.

use std::collections::VecDeque;

use super::connect::ask::Enabled;
use super::{
    Condition, Stanza, StanzaKind, StreamManagement, UNACKNOWLEDGED_BYTES_MAX,
    UNACKNOWLEDGED_STANZAS_MAX, XmppError,
};

/// Namespace of all of it.
pub(crate) const NS_SM: &str = "urn:xmpp:sm:3";
/// Asks the server what it has handled.
pub(super) const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

/// A count that is less than this above another is newer than that, and else older: they are modulo 2^32.
const NEWER_MAX: u32 = 1 << 31;

/// A stanza that the server has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) kind: StanzaKind,
    pub(super) xml: Box<str>,
}

/// What a stanza that was just sent calls for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// It is time to ask the server what it has handled.
    pub(super) asks: bool,
    /// So many stanzas are not kept any more, for want of room.
    pub(super) forgotten: u32,
}

/// What an element of stream management means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nonza {
    /// It is none, or none that comes at any time.
    No,
    /// To be answered with this.
    Answer(String),
    /// The server has acknowledged.
    Acknowledged,
}

/// The server says that it has handled more than it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Excess {
    /// What it says.
    pub(super) h: u32,
    /// What it was sent.
    pub(super) sent: u32,
}

impl Excess {
    /// What is wrong, in words.
    pub(super) fn text(self) -> String {
        let Self { h, sent } = self;
        format!("handled-count-too-high: the server has handled {h} stanzas, and was sent {sent}")
    }

    /// The element that says so within a stream error (XEP-0198, section 6).
    pub(super) fn element(self) -> String {
        let Self { h, sent } = self;
        format!("<handled-count-too-high xmlns='{NS_SM}' h='{h}' send-count='{sent}'/>")
    }
}

/// Stream management of one stream. All counts are modulo 2^32, as the XEP wants them; stanzas are `message`, `presence` and `iq`.
#[derive(Debug)]
pub(crate) struct SmState {
    /// Whether the server has said `enabled`: it counts what was sent since it was asked, and we what came since it said so.
    is_enabled: bool,
    /// The server's name for a stream that can be resumed.
    id: Option<Box<str>>,
    /// Where the server wants that to be done.
    location: Option<Box<str>>,
    ask_every: u32,
    /// Stanzas that came.
    handled: u32,
    /// The count that the server was told last.
    told: u32,
    /// Stanzas sent.
    sent: u32,
    /// Those that the server says it has handled.
    acknowledged: u32,
    /// Whether bytes went out of which nobody knows how many stanzas they are: the server may have handled more than is known.
    has_sent_raw: bool,
    since_asked: u32,
    /// How often the server was asked, and how often it has answered.
    asks: u64,
    answers: u64,
    /// Whether it acknowledges unasked too: only what it says tells an answer then.
    tells_unasked: bool,
    /// The newest of those that are not acknowledged: all, if there was room. None if the stream cannot be resumed.
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    /// Whether to keep them.
    keeps: bool,
}

impl SmState {
    /// The server is being asked for it: what is sent from now on counts.
    pub(super) fn asking(options: &StreamManagement) -> Self {
        Self {
            is_enabled: false,
            id: None,
            location: None,
            ask_every: options.ask_every.max(1),
            handled: 0,
            told: 0,
            sent: 0,
            acknowledged: 0,
            has_sent_raw: false,
            since_asked: 0,
            asks: 0,
            answers: 0,
            tells_unasked: false,
            kept: VecDeque::new(),
            kept_bytes: 0,
            keeps: options.resume,
        }
    }

    /// The server has said `enabled`, and nothing was sent since it was asked.
    pub(crate) fn enabled(enabled: Enabled) -> Self {
        let mut state = Self::asking(&StreamManagement {
            resume: enabled.id.is_some(),
            max: None,
            ask_every: enabled.ask_every,
        });
        state.grant(enabled);
        state
    }

    /// The server has said `enabled`.
    pub(super) fn grant(&mut self, enabled: Enabled) {
        self.is_enabled = true;
        self.handled = 0;
        self.id = enabled.id.map(String::into_boxed_str);
        self.location = enabled.location.map(String::into_boxed_str);
        self.keeps = self.id.is_some();
        if !self.keeps {
            self.forget_kept();
        }
    }

    /// The server has said `resumed`, and that it has handled so many. What it has not is to be sent again: see [`SmState::take_unsent`].
    ///
    /// # Errors
    /// It cannot have handled so many.
    pub(crate) fn resumed(resumption: Resumption, h: u32) -> Result<Self, XmppError> {
        let mut state = resumption.state;
        state.acknowledge(h).map_err(|excess| {
            XmppError::Stream(Condition {
                condition: "undefined-condition".to_owned(),
                text: excess.text(),
            })
        })?;
        // What was forgotten is not sent again: the server counts on from where it is.
        state.sent = h;
        state.told = state.handled;
        state.has_sent_raw = false;
        state.since_asked = 0;
        (state.asks, state.answers) = (0, 0);
        Ok(state)
    }

    /// Stanzas that a resumed stream has still to be given; sending them counts them.
    pub(super) fn take_unsent(&mut self) -> VecDeque<Kept> {
        self.kept_bytes = 0;
        std::mem::take(&mut self.kept)
    }

    /// A stanza was sent while connecting.
    pub(crate) fn note_sent(&mut self, kind: StanzaKind, xml: &str) {
        self.sent(kind, xml);
    }

    /// Bytes were sent that nobody has looked at. White space is no stanza whoever looks.
    pub(super) fn note_raw(&mut self, bytes: &[u8]) {
        self.has_sent_raw |= !bytes.trim_ascii().is_empty();
    }

    /// A stanza came, which may be while connecting.
    pub(crate) fn note_handled(&mut self) {
        self.handled = self.handled.wrapping_add(u32::from(self.is_enabled));
    }

    /// A stanza was sent.
    pub(super) fn sent(&mut self, kind: StanzaKind, xml: &str) -> Sent {
        self.sent = self.sent.wrapping_add(1);
        let mut sent = Sent::default();
        if self.keeps {
            self.kept_bytes += xml.len();
            let xml = xml.into();
            self.kept.push_back(Kept { kind, xml });
            while self.kept.len() > UNACKNOWLEDGED_STANZAS_MAX
                || self.kept_bytes > UNACKNOWLEDGED_BYTES_MAX
            {
                self.forget_oldest();
                sent.forgotten += 1;
            }
        }
        self.since_asked = self.since_asked.saturating_add(1);
        sent.asks = self.is_enabled && self.since_asked >= self.ask_every;
        sent
    }

    /// The server is being asked what it has handled: when it has answered so often, it has answered this.
    pub(super) fn asked(&mut self) -> u64 {
        self.since_asked = 0;
        self.asks += 1;
        self.asks
    }

    /// Stanzas sent so far.
    pub(super) fn sent_count(&self) -> u32 {
        self.sent
    }

    /// Whether the server has answered so often, or has handled so many.
    pub(super) fn has_answered(&self, asks: u64, sent: u32) -> bool {
        // Fewer are open than were sent since: `sent` is among those acknowledged.
        let is_counted = self.answers >= asks && !self.tells_unasked;
        is_counted || self.unacknowledged() <= self.sent.wrapping_sub(sent)
    }

    /// Look at an element.
    pub(super) fn nonza(&mut self, stanza: &Stanza) -> Result<Nonza, Excess> {
        if stanza.namespace() != NS_SM || !self.is_enabled {
            return Ok(Nonza::No);
        }
        match stanza.name() {
            "r" => Ok(Nonza::Answer(self.tell())),
            "a" => {
                let h = stanza.element().ok();
                let h = h.and_then(|element| element.attr("h")?.parse().ok());
                if self.answers < self.asks {
                    self.answers += 1;
                } else {
                    self.tells_unasked = true;
                }
                // One that says nothing acknowledges nothing.
                self.acknowledge(h.unwrap_or(self.acknowledged))?;
                Ok(Nonza::Acknowledged)
            }
            _ => Ok(Nonza::No),
        }
    }

    /// What tells the server how many were handled.
    fn tell(&mut self) -> String {
        self.told = self.handled;
        format!("<a xmlns='{NS_SM}' h='{}'/>", self.handled)
    }

    /// What is to be said before the stream's end: else the server would keep for later what this side has.
    pub(super) fn tell_last(&mut self) -> Option<String> {
        (self.is_enabled && self.told != self.handled).then(|| self.tell())
    }

    /// Stanzas that the server has not acknowledged.
    pub(super) fn unacknowledged(&self) -> u32 {
        self.sent.wrapping_sub(self.acknowledged)
    }

    /// Stanzas that came.
    pub(super) fn handled(&self) -> u32 {
        self.handled
    }

    /// Whether the server has said `enabled`.
    pub(super) fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Whether the stream can be resumed.
    pub(super) fn is_resumable(&self) -> bool {
        self.id.is_some()
    }

    fn acknowledge(&mut self, h: u32) -> Result<(), Excess> {
        let new = h.wrapping_sub(self.acknowledged);
        if self.has_sent_raw && new > self.unacknowledged() && new < NEWER_MAX {
            self.sent = h;
        }
        let open = self.unacknowledged();
        if new > open {
            return Err(Excess { h, sent: self.sent });
        }
        self.acknowledged = h;
        let open = usize::try_from(open - new).unwrap_or(usize::MAX);
        while self.kept.len() > open {
            self.forget_oldest();
        }
        if self.kept.is_empty() {
            // An idle stream keeps no room.
            self.forget_kept();
        }
        Ok(())
    }

    fn forget_oldest(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.kept_bytes = self.kept_bytes.saturating_sub(kept.xml.len());
        }
    }

    fn forget_kept(&mut self) {
        self.kept = VecDeque::new();
        self.kept_bytes = 0;
    }
}

/// What is left of a session that ended and may be resumed (XEP-0198, section 5).
#[derive(Debug)]
pub struct Resumption {
    jid: String,
    id: Box<str>,
    state: SmState,
}

impl Resumption {
    /// Of a session that has ended; nothing if its stream cannot be resumed.
    pub(super) fn of(mut state: SmState, jid: &str) -> Option<Self> {
        let id = state.id.take()?;
        state.id = Some(id.clone());
        Some(Self {
            jid: jid.to_owned(),
            id,
            state,
        })
    }

    /// The server has taken it up: all of it, so that nothing is left here but its name.
    pub(super) fn take(&mut self) -> Self {
        let mut spent = SmState::asking(&StreamManagement {
            resume: false,
            max: None,
            ask_every: 1,
        });
        spent.handled = self.state.handled;
        Self {
            jid: self.jid.clone(),
            id: self.id.clone(),
            state: std::mem::replace(&mut self.state, spent),
        }
    }

    /// Whether a server has taken it up.
    pub(super) fn is_spent(&self) -> bool {
        !self.state.is_resumable()
    }

    /// The server has refused it, and said that it has handled so many (XEP-0198, section 5). More than it was sent says nothing.
    pub(super) fn refused(&mut self, h: u32) {
        let _ = self.state.acknowledge(h);
    }

    /// The session's full JID.
    #[must_use]
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// The server's name for the stream.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where the server wants it to be resumed, if it has said so: a host, or a host and a port.
    pub(super) fn location(&self) -> Option<&str> {
        self.state.location.as_deref()
    }

    /// Stanzas that this side has handled: sent as `h` when it is resumed.
    #[must_use]
    pub fn handled(&self) -> u32 {
        self.state.handled
    }

    /// Say something else: to see what the server makes of it.
    pub fn set_handled(&mut self, handled: u32) {
        self.state.handled = handled;
    }

    /// Stanzas that the server has not acknowledged, the oldest first.
    #[must_use]
    pub fn unacknowledged(&self) -> Vec<String> {
        let kept = self.state.kept.iter();
        kept.map(|kept| kept.xml.to_string()).collect()
    }
}

#[cfg(test)]
#[path = "sm_tests.rs"]
mod tests;
