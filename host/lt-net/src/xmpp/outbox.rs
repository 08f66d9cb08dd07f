//! What is to be sent: what the pump itself says first, what the user says in its order, the stream's end last.

use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use tokio::time::Instant;

use super::acknowledging::Asked;
use super::channel::Channel;
use super::requests::Request;
use super::sm::{self, Kept, SmState};
use super::{Item, StanzaKind, StreamManagement, UNSENT_BYTES_MAX, UNSENT_STANZAS_MAX};

/// Bytes that are made ready for one write: many small stanzas, or one large.
const WRITE_BYTES: usize = 64 << 10;
/// Capacity that an emptied queue keeps.
const KEPT_CAPACITY: usize = 4;

/// Something of the user's that waits.
#[derive(Debug)]
pub(super) enum Entry {
    Item(Item),
    /// A request: when it is handed over counts.
    Request(Box<str>, Weak<Request>),
    /// What asks for stream management: what is sent behind it counts.
    Enable(Box<str>, StreamManagement),
    /// The server is to be asked what it has handled of what is before this.
    Ask(Weak<Asked>),
}

impl Entry {
    fn len(&self) -> usize {
        match self {
            Self::Item(Item::Stanza { xml, .. }) | Self::Request(xml, _) | Self::Enable(xml, _) => {
                xml.len()
            }
            Self::Item(Item::Raw(bytes)) => bytes.len(),
            Self::Ask(_) => sm::REQUEST.len(),
        }
    }
}

/// Where the stream's end is.
#[derive(Debug)]
enum Closing {
    No,
    /// It goes out after what waits, and a stream error before it, if there is one.
    Queued(Option<Box<str>>),
    /// It was given to the channel; nothing may follow it.
    Given,
}

/// What was given to the channel and is not all with the kernel yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Stanzas, by what they are.
    pub(super) counts: [u32; StanzaKind::COUNT],
    /// Things of the user's, and their bytes.
    items: usize,
    bytes: usize,
    /// Stanzas that are not kept for a resumption any more.
    pub(super) forgotten: u32,
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Outbox {
    own: VecDeque<(Box<str>, Option<StanzaKind>)>,
    own_bytes: usize,
    entries: VecDeque<Entry>,
    closing: Closing,
    /// The stream cannot go on: nothing more is taken.
    is_aborted: bool,
    unsent: usize,
    unsent_bytes: usize,
    /// Length of what found no room.
    refused: Option<usize>,
}

impl Outbox {
    /// With what a resumed stream has still to be given.
    pub(super) fn new(resent: VecDeque<Kept>) -> Self {
        let mut outbox = Self {
            own: VecDeque::new(),
            own_bytes: 0,
            entries: VecDeque::new(),
            closing: Closing::No,
            is_aborted: false,
            unsent: 0,
            unsent_bytes: 0,
            refused: None,
        };
        for Kept { kind, xml } in resent {
            let kind = Some(kind);
            outbox.append(Entry::Item(Item::Stanza { xml, kind }));
        }
        outbox
    }

    pub(super) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// Take something, or give it back if there is no room.
    pub(super) fn push(&mut self, entry: Entry) -> Result<(), Entry> {
        let length = entry.len();
        if !self.has_room(length) {
            self.refused = Some(length);
            return Err(entry);
        }
        self.refused = None;
        self.append(entry);
        Ok(())
    }

    /// Take something that nobody waits to send, if there is room. Returns whether there was.
    pub(super) fn push_if_room(&mut self, entry: Entry) -> bool {
        self.place(entry).is_ok()
    }

    /// Take something, or give it back if there is no room: whoever has it tries again by itself.
    pub(super) fn place(&mut self, entry: Entry) -> Result<(), Entry> {
        if !self.has_room(entry.len()) {
            return Err(entry);
        }
        self.append(entry);
        Ok(())
    }

    /// The server is to be asked what it has handled of what waits. Those who ask with nothing in between share one question.
    pub(super) fn ask(&mut self) -> Rc<Asked> {
        let asked = match self.entries.back() {
            Some(Entry::Ask(last)) => last.upgrade(),
            _ => None,
        };
        let asked = asked.unwrap_or_default();
        let entry = Entry::Ask(Rc::downgrade(&asked));
        match self.entries.back_mut() {
            Some(last @ Entry::Ask(_)) => *last = entry,
            _ => self.append(entry),
        }
        asked
    }

    /// Take something small whatever the room is: there is one of its kind at a time.
    pub(super) fn append(&mut self, entry: Entry) {
        if !self.is_aborted {
            self.unsent += 1;
            self.unsent_bytes += entry.len();
            self.entries.push_back(entry);
        }
    }

    /// Whether there is room for so many bytes; if not, who has them waits for [`Outbox::has_room_again`].
    pub(super) fn reserve(&mut self, length: usize) -> bool {
        let has_room = self.has_room(length);
        self.refused = (!has_room).then_some(length);
        has_room
    }

    /// Whether there is room for what was refused last.
    pub(super) fn has_room_again(&self) -> bool {
        self.has_room(self.refused.unwrap_or(0))
    }

    fn has_room(&self, length: usize) -> bool {
        !self.is_aborted
            && (self.unsent == 0
                || self.unsent < UNSENT_STANZAS_MAX
                    && self.unsent_bytes.saturating_add(length) <= UNSENT_BYTES_MAX)
    }

    /// Send something of the pump's own before what waits.
    pub(super) fn push_own(&mut self, xml: String, kind: Option<StanzaKind>) {
        if !self.is_aborted && !self.is_end_given() {
            self.own_bytes += xml.len();
            self.own.push_back((xml.into_boxed_str(), kind));
        }
    }

    /// Whether so much of the pump's own waits that nothing more should be read that calls for answers: the peer does not read
    /// them.
    pub(super) fn is_own_full(&self) -> bool {
        self.own.len() >= UNSENT_STANZAS_MAX || self.own_bytes >= UNSENT_BYTES_MAX
    }

    /// How much of the pump's own waits.
    #[cfg(test)]
    pub(super) fn own_len(&self) -> usize {
        self.own.len()
    }

    /// End the stream after what waits.
    pub(super) fn close(&mut self) {
        if matches!(self.closing, Closing::No) {
            self.closing = Closing::Queued(None);
        }
    }

    /// End the stream at once, with this stream error if there is one: what waits is not sent.
    pub(super) fn abort(&mut self, error: Option<String>) {
        if !self.is_end_given() {
            self.closing = Closing::Queued(error.map(String::into_boxed_str));
        }
        self.drop_waiting();
    }

    /// The stanzas that were never given to the channel, for whoever would send them on a resumed stream.
    pub(super) fn take_unsent_stanzas(&mut self) -> Vec<(StanzaKind, Box<str>)> {
        let mut stanzas = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            match entry {
                Entry::Item(Item::Stanza {
                    xml,
                    kind: Some(kind),
                }) => stanzas.push((kind, xml)),
                Entry::Request(xml, _) => stanzas.push((StanzaKind::Iq, xml)),
                Entry::Item(_) | Entry::Enable(..) | Entry::Ask(_) => {}
            }
        }
        stanzas
    }

    /// The connection has ended: let go of everything.
    pub(super) fn clear(&mut self) {
        self.drop_waiting();
        (self.unsent, self.unsent_bytes) = (0, 0);
    }

    fn drop_waiting(&mut self) {
        self.is_aborted = true;
        (self.own, self.own_bytes) = (VecDeque::new(), 0);
        for entry in std::mem::take(&mut self.entries) {
            self.unsent = self.unsent.saturating_sub(1);
            self.unsent_bytes = self.unsent_bytes.saturating_sub(entry.len());
        }
    }

    /// Whether the stream's end was given to the channel, so that nothing may follow.
    pub(super) fn is_end_given(&self) -> bool {
        matches!(self.closing, Closing::Given)
    }

    /// Give the channel what waits, until there is much or no more. Returns what it was; `None` if there was nothing.
    pub(super) fn give(
        &mut self,
        channel: &mut Channel,
        sm: &mut Option<Box<SmState>>,
    ) -> Option<Batch> {
        let mut batch = Batch::default();
        let mut any = false;
        while channel.queued() < WRITE_BYTES && !self.is_end_given() {
            if let Some((xml, kind)) = self.own.pop_front() {
                self.own_bytes = self.own_bytes.saturating_sub(xml.len());
                give_element(&xml, kind, channel, sm, &mut batch);
            } else if let Some(entry) = self.entries.pop_front() {
                batch.items += 1;
                batch.bytes += entry.len();
                give_entry(entry, channel, sm, &mut batch);
            } else if let Closing::Queued(error) = &self.closing {
                if let Some(error) = error {
                    channel.queue(error.as_bytes());
                } else if let Some(answer) = sm.as_mut().and_then(|sm| sm.tell_last()) {
                    channel.queue(answer.as_bytes());
                }
                channel.end_stream();
                self.closing = Closing::Given;
            } else {
                break;
            }
            any = true;
        }
        self.shrink();
        any.then_some(batch)
    }

    /// What a batch held is with the kernel. Returns whether there is room now for what was refused.
    pub(super) fn written(&mut self, batch: &Batch) -> bool {
        self.unsent = self.unsent.saturating_sub(batch.items);
        self.unsent_bytes = self.unsent_bytes.saturating_sub(batch.bytes);
        if self.refused.is_some() && self.has_room_again() {
            self.refused = None;
            return true;
        }
        false
    }

    /// An idle session holds no room that a busy moment left.
    fn shrink(&mut self) {
        if self.own.is_empty() && self.own.capacity() > KEPT_CAPACITY {
            self.own = VecDeque::new();
        }
        if self.entries.is_empty() && self.entries.capacity() > KEPT_CAPACITY {
            self.entries = VecDeque::new();
        }
    }
}

fn give_entry(
    entry: Entry,
    channel: &mut Channel,
    sm: &mut Option<Box<SmState>>,
    batch: &mut Batch,
) {
    match entry {
        Entry::Item(Item::Raw(bytes)) => {
            channel.queue(&bytes);
            if let Some(sm) = sm {
                sm.note_raw(&bytes);
            }
        }
        Entry::Item(Item::Stanza { xml, kind }) => give_element(&xml, kind, channel, sm, batch),
        Entry::Request(xml, request) => {
            give_element(&xml, Some(StanzaKind::Iq), channel, sm, batch);
            if let Some(request) = request.upgrade() {
                request.handed_over(Instant::now());
            }
        }
        Entry::Enable(xml, options) => {
            channel.queue(xml.as_bytes());
            *sm = Some(Box::new(SmState::asking(&options)));
        }
        Entry::Ask(asked) => {
            if let (Some(sm), Some(asked)) = (sm, asked.upgrade()) {
                channel.queue(sm::REQUEST.as_bytes());
                asked.set(Some((sm.asked(), sm.sent_count())));
            }
        }
    }
}

fn give_element(
    xml: &str,
    kind: Option<StanzaKind>,
    channel: &mut Channel,
    sm: &mut Option<Box<SmState>>,
    batch: &mut Batch,
) {
    channel.queue_element(xml);
    let Some(kind) = kind else {
        return;
    };
    if let Some(count) = batch.counts.get_mut(kind.index()) {
        *count += 1;
    }
    if let Some(sm) = sm {
        let sent = sm.sent(kind, xml);
        batch.forgotten += sent.forgotten;
        if sent.asks {
            channel.queue(sm::REQUEST.as_bytes());
            sm.asked();
        }
    }
}
