//! What came and nobody has asked for yet, messages or stanzas: bounded, in order.

use std::collections::VecDeque;

use crate::websocket::{InboxOptions, Overflow};

/// Capacity that an emptied inbox keeps; what a flood made it grow to is given back.
const KEPT_CAPACITY: usize = 16;

/// What waits in an inbox.
pub(crate) trait Incoming {
    /// Its length in bytes, as the inbox's room counts it.
    fn bytes(&self) -> usize;
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed<M> {
    /// It is in the inbox; so many older ones made room for it.
    Kept(u64),
    /// It was dropped.
    Dropped,
    /// There is no room now: keep it and read no further.
    Stalled(M),
    /// There is no room, and the connection is to be closed for that.
    Overflow,
}

/// Messages that wait.
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    options: InboxOptions,
    messages: VecDeque<M>,
    bytes: usize,
    arrivals: u64,
}

impl<M: Incoming> Inbox<M> {
    pub(crate) fn new(options: InboxOptions) -> Self {
        Self {
            options,
            messages: VecDeque::new(),
            bytes: 0,
            arrivals: 0,
        }
    }

    /// Whether it keeps messages at all.
    pub(crate) fn keeps(&self) -> bool {
        self.options.messages_max > 0
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many messages were ever put into it.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Put a message in, or do what the overflow says. `draining`: the connection is being closed, and the peer's answer lies
    /// behind what it still sends, so that nothing may stall, and a full inbox is no reason any more to close.
    pub(crate) fn push(&mut self, message: M, draining: bool) -> Pushed<M> {
        let length = message.bytes();
        // One that is larger than the whole is taken alone: it was within the limit of messages, and would have room never.
        if self.has_room(length) || self.messages.is_empty() {
            self.append(message);
            return Pushed::Kept(0);
        }
        match self.options.overflow {
            // One that is larger than the whole would only throw the others out for nothing.
            Overflow::DropOldest if length <= self.options.bytes_max => {
                let mut dropped = 0;
                while !self.has_room(length) && self.take().is_some() {
                    dropped += 1;
                }
                self.append(message);
                Pushed::Kept(dropped)
            }
            Overflow::DropOldest | Overflow::DropNewest => Pushed::Dropped,
            Overflow::Pause | Overflow::Close if draining => Pushed::Dropped,
            Overflow::Pause => Pushed::Stalled(message),
            Overflow::Close => Pushed::Overflow,
        }
    }

    /// Take the oldest.
    pub(crate) fn take(&mut self) -> Option<M> {
        let message = self.messages.pop_front();
        self.taken(message)
    }

    /// Keep those that are wanted, in their order. Returns whether any went.
    pub(crate) fn retain(&mut self, wanted: &mut dyn FnMut(&M) -> bool) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| wanted(message));
        let lengths = self.messages.iter().map(Incoming::bytes);
        self.bytes = lengths.sum();
        self.messages.len() < before
    }

    /// Of the newest so many, take the oldest that matches; the others keep their order, and older ones are not looked at.
    pub(crate) fn take_matching(
        &mut self,
        newest: usize,
        matches: impl Fn(&M) -> bool,
    ) -> Option<M> {
        let older = self.messages.len().saturating_sub(newest);
        let index = self.messages.range(older..).position(matches)?;
        let message = self.messages.remove(older + index);
        self.taken(message)
    }

    fn taken(&mut self, message: Option<M>) -> Option<M> {
        if let Some(message) = &message {
            self.bytes -= message.bytes();
        }
        if self.messages.is_empty() && self.messages.capacity() > KEPT_CAPACITY {
            self.messages = VecDeque::new();
        }
        message
    }

    /// Put a message in that waited for room in vain: the connection is over, and it is to be the last.
    pub(crate) fn append(&mut self, message: M) {
        self.bytes += message.bytes();
        self.arrivals += 1;
        self.messages.push_back(message);
    }

    fn has_room(&self, length: usize) -> bool {
        self.messages.len() < self.options.messages_max
            && self.bytes + length <= self.options.bytes_max
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::websocket::{Borrowed, Content, Message};

    fn message(text: &str) -> Message {
        Message {
            content: Content::Text(text.into()),
            arrived: Instant::now(),
        }
    }

    fn inbox(messages_max: usize, bytes_max: usize, overflow: Overflow) -> Inbox<Message> {
        Inbox::new(InboxOptions {
            messages_max,
            bytes_max,
            overflow,
        })
    }

    fn texts(inbox: &mut Inbox<Message>) -> Vec<String> {
        std::iter::from_fn(|| inbox.take())
            .map(|message| String::from_utf8(message.content.as_bytes().to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn the_oldest_make_room() {
        let mut inbox = inbox(3, 10, Overflow::DropOldest);
        for text in ["aaa", "bbb", "ccc"] {
            assert_eq!(inbox.push(message(text), false), Pushed::Kept(0));
        }
        assert_eq!(inbox.push(message("d"), false), Pushed::Kept(1));
        assert_eq!(inbox.push(message("eeeeeeee"), false), Pushed::Kept(2));
        assert_eq!(inbox.bytes(), 9);
        assert_eq!(inbox.arrivals(), 5);
        // Larger than the whole: nothing is gained by dropping the others.
        assert_eq!(inbox.push(message("fffffffffff"), false), Pushed::Dropped);
        assert_eq!(texts(&mut inbox), ["d", "eeeeeeee"]);
        assert_eq!((inbox.len(), inbox.bytes()), (0, 0));
    }

    #[test]
    fn the_others_do_as_they_say() {
        let mut newest = inbox(1, 10, Overflow::DropNewest);
        assert_eq!(newest.push(message("a"), false), Pushed::Kept(0));
        assert_eq!(newest.push(message("b"), false), Pushed::Dropped);
        assert_eq!(texts(&mut newest), ["a"]);

        let mut close = inbox(10, 2, Overflow::Close);
        assert_eq!(close.push(message("aa"), false), Pushed::Kept(0));
        assert_eq!(close.push(message("a"), false), Pushed::Overflow);
        assert_eq!(close.push(message("aaa"), true), Pushed::Dropped);

        let mut pause = inbox(10, 2, Overflow::Pause);
        assert_eq!(pause.push(message("aaa"), false), Pushed::Kept(0));
        assert!(matches!(
            pause.push(message("b"), false),
            Pushed::Stalled(_)
        ));
        assert_eq!(pause.push(message("b"), true), Pushed::Dropped);
        assert_eq!(texts(&mut pause), ["aaa"]);
    }

    #[test]
    fn the_others_keep_their_order_when_one_is_picked() {
        let mut inbox = inbox(10, 10, Overflow::DropOldest);
        for text in ["a", "b1", "c", "b2"] {
            inbox.push(message(text), false);
        }
        let is_b = |message: &Message| matches!(message.content.borrow(), Borrowed::Text(text) if text.starts_with('b'));
        let found = inbox.take_matching(usize::MAX, is_b);
        assert_eq!(found.unwrap().content, Content::Text("b1".into()));
        assert!(inbox.take_matching(usize::MAX, |_| false).is_none());
        assert_eq!(inbox.bytes(), 4);
        assert_eq!(texts(&mut inbox), ["a", "c", "b2"]);
    }

    #[test]
    fn what_was_looked_at_before_is_not_looked_at_again() {
        let mut inbox = inbox(10, 10, Overflow::DropOldest);
        for text in ["a", "b", "c"] {
            inbox.push(message(text), false);
        }
        let seen = std::cell::Cell::new(0);
        let none = |_: &Message| {
            seen.set(seen.get() + 1);
            false
        };
        for newest in [0, 1, 2, 3, 4] {
            seen.set(0);
            assert!(inbox.take_matching(newest, none).is_none());
            assert_eq!(seen.get(), newest.min(3));
        }
        let found = inbox.take_matching(2, |_| true);
        assert_eq!(found.unwrap().content, Content::Text("b".into()));
        assert_eq!(texts(&mut inbox), ["a", "c"]);
    }

    #[test]
    fn one_that_is_larger_than_the_whole_is_taken_alone() {
        for overflow in [
            Overflow::DropOldest,
            Overflow::DropNewest,
            Overflow::Pause,
            Overflow::Close,
        ] {
            let mut inbox = inbox(10, 2, overflow);
            assert_eq!(inbox.push(message("aaa"), false), Pushed::Kept(0));
            assert_ne!(inbox.push(message("bbb"), false), Pushed::Kept(0));
            assert_eq!(texts(&mut inbox), ["aaa"]);
        }
    }

    #[test]
    fn those_that_are_not_wanted_go() {
        let mut inbox = inbox(10, 10, Overflow::DropOldest);
        for text in ["a", "bb", "c"] {
            inbox.push(message(text), false);
        }
        assert!(!inbox.retain(&mut |_| true));
        assert!(inbox.retain(&mut |message| message.content.len() == 1));
        assert_eq!((inbox.len(), inbox.bytes()), (2, 2));
        assert_eq!(texts(&mut inbox), ["a", "c"]);
    }

    #[test]
    fn a_flood_leaves_no_memory_behind() {
        let mut inbox = inbox(1000, 1 << 20, Overflow::DropOldest);
        for _ in 0..1000 {
            inbox.push(message("x"), false);
        }
        assert_eq!(texts(&mut inbox).len(), 1000);
        assert!(inbox.messages.capacity() <= KEPT_CAPACITY);
    }
}
