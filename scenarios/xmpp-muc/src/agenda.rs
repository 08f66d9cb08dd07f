//! What a user has to do, and when.

use lt_sdk::rand::Rng;
use lt_sdk::timing::{Duration, Instant};

/// Something to do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Enter it.
    Enter(u64),
    /// Write to it.
    Write(u64),
}

/// Rooms to enter one after another, and messages to write to those that are written to. Who is late does what is due one after the other.
#[derive(Debug)]
pub(crate) struct Agenda {
    entry_interval: Duration,
    entry_due: Instant,
    /// Rooms to enter, the next one last.
    to_enter: Vec<u64>,
    messages: Vec<Messages>,
}

/// Messages to one room.
#[derive(Debug)]
struct Messages {
    room: u64,
    due: Instant,
    /// How many are left; `None` without an end.
    left: Option<u32>,
}

impl Agenda {
    /// The rooms to enter, in this order, from an offset below one interval on, so that those who come together do not enter together.
    pub(crate) fn new(
        start: Instant,
        rooms: impl Iterator<Item = u64>,
        entry_interval: Duration,
        rng: &mut Rng,
    ) -> Self {
        let mut to_enter: Vec<u64> = rooms.collect();
        to_enter.reverse();
        Self {
            entry_interval,
            entry_due: start + rng.think_time(Duration::ZERO..entry_interval),
            to_enter,
            messages: Vec::new(),
        }
    }

    /// From then on so many messages are to be written to a room; 0 without an end.
    pub(crate) fn add_messages(&mut self, room: u64, first: Instant, count: u32) {
        let left = (count > 0).then_some(count);
        let due = first;
        self.messages.push(Messages { room, due, left });
    }

    /// What is to be done next, and when; `None` if nothing is any more.
    pub(crate) fn next(&self) -> Option<(Instant, Item)> {
        let enter = self.to_enter.last();
        let enter = enter.map(|&room| (self.entry_due, Item::Enter(room)));
        let write = self.messages.iter().min_by_key(|messages| messages.due);
        let write = write.map(|messages| (messages.due, Item::Write(messages.room)));
        enter.into_iter().chain(write).min_by_key(|(due, _)| *due)
    }

    /// It is being done: the next of its kind is due one interval later.
    pub(crate) fn done(&mut self, item: Item, message_interval: Duration) {
        match item {
            Item::Enter(_) => {
                self.to_enter.pop();
                self.entry_due += self.entry_interval;
            }
            Item::Write(room) => {
                for messages in &mut self.messages {
                    if messages.room == room {
                        messages.due += message_interval;
                        messages.left = messages.left.map(|left| left.saturating_sub(1));
                    }
                }
                self.messages.retain(|messages| messages.left != Some(0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Do all that is due in this time, with one message each second to each room that is entered.
    fn day(rooms: [u64; 3], entry_interval: Duration, count: u32, length: Duration) -> Vec<Item> {
        let start = Instant::from_nanos(0);
        let mut agenda = Agenda::new(start, rooms.into_iter(), entry_interval, &mut Rng::new(1));
        let mut done = Vec::new();
        while let Some((due, item)) = agenda.next() {
            if due > start + length {
                break;
            }
            agenda.done(item, SECOND);
            if let Item::Enter(room) = item {
                agenda.add_messages(room, due + SECOND / 2, count);
            }
            done.push(item);
        }
        done
    }

    #[test]
    fn rooms_are_entered_in_their_order_and_written_to_as_often_as_said() {
        use Item::{Enter, Write};
        let done = day([7, 3, 5], SECOND * 10, 2, SECOND * 100);
        assert_eq!(
            done,
            [
                Enter(7),
                Write(7),
                Write(7),
                Enter(3),
                Write(3),
                Write(3),
                Enter(5),
                Write(5),
                Write(5)
            ]
        );
    }

    #[test]
    fn rooms_without_an_end_are_written_to_in_turn() {
        let done = day([1, 2, 3], Duration::ZERO, 0, SECOND * 10);
        for room in 1..=3 {
            let messages = done.iter().filter(|&&item| item == Item::Write(room));
            assert_eq!(messages.count(), 10);
        }
    }
}
