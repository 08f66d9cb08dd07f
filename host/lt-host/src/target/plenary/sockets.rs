//! The sockets of events and breakouts: a room each, to which every coming and going sends the full list of members.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{ATTENDEES_MAX, PARTICIPANTS_MAX, User, is_breakout, number};
use crate::target::websocket::{
    HEARTBEAT, Members, Message, Outbox, Session, error_message, text_message,
};
use crate::target::{Shared, lock};

/// Closes a socket of what is not there; codes from 4000 are an application's own (RFC 6455, section 7.4.2).
pub(in crate::target) const NOT_FOUND: CloseCode = CloseCode::Library(4004);
/// Closes a socket of an event that is full.
pub(in crate::target) const OVER_CAPACITY: CloseCode = CloseCode::Library(4013);

/// A plenary or a breakout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Plenary(u64),
    Breakout(u64),
}

impl Place {
    /// Its name in messages.
    fn name(self) -> String {
        match self {
            Self::Plenary(id) => format!("plenary-{id}"),
            Self::Breakout(id) => format!("breakout-{id}"),
        }
    }

    fn sockets_max(self) -> usize {
        match self {
            Self::Plenary(_) => PARTICIPANTS_MAX,
            Self::Breakout(_) => ATTENDEES_MAX,
        }
    }
}

/// Who is where. As many rooms as there are events and breakouts, and under one lock: who is in one breakout may not enter another.
#[derive(Debug, Default)]
pub(in crate::target) struct Rooms {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<Place, Members<User>>,
    last_chat: u64,
}

/// Why someone may not enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    OverCapacity,
    AlreadyConnected,
}

impl Refusal {
    fn message(self) -> Message {
        match self {
            Self::OverCapacity => error_message("Over capacity", Some("over-capacity")),
            Self::AlreadyConnected => error_message("Already connected", Some("already-connected")),
        }
    }
}

/// The socket of an event.
pub(super) async fn event(session: Session, user: User, slug: String) {
    let outbox = session.outbox().clone();
    let Some(number) = number(&slug) else {
        outbox.push(error_message("Plenary not found", None));
        outbox.close(NOT_FOUND, "not found");
        return session.serve(drop).await;
    };
    let mut seat = Seat::new(session.shared(), outbox, Place::Plenary(number), user);
    if seat.enter().is_err() {
        seat.outbox.close(OVER_CAPACITY, "over capacity");
        return session.serve(drop).await;
    }
    session.serve(move |message| seat.hear(&message)).await;
}

/// The socket of a breakout. A refused one stays open, for its user may send `DISCONNECTING_OTHERS`.
pub(super) async fn breakout(session: Session, user: User, id: u64) {
    let outbox = session.outbox().clone();
    if !is_breakout(id) {
        outbox.push(error_message("Breakout not found", None));
        outbox.close(NOT_FOUND, "not found");
        return session.serve(drop).await;
    }
    let mut seat = Seat::new(session.shared(), outbox, Place::Breakout(id), user);
    seat.enter_or_say_why();
    session.serve(move |message| seat.hear(&message)).await;
}

/// What one socket has of its room, until this is dropped.
struct Seat {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    place: Place,
    user: User,
    /// Its number in the room. Another socket of the user may have taken it out since.
    number: Option<u64>,
}

impl Seat {
    fn new(shared: &Arc<Shared>, outbox: Arc<Outbox>, place: Place, user: User) -> Self {
        Self {
            shared: shared.clone(),
            outbox,
            place,
            user,
            number: None,
        }
    }

    fn enter(&mut self) -> Result<(), Refusal> {
        let mut state = lock(&self.shared.plenary.state);
        if state.count(self.place) >= self.place.sockets_max() {
            return Err(Refusal::OverCapacity);
        }
        let is_breakout = matches!(self.place, Place::Breakout(_));
        if is_breakout && !state.breakouts_of(self.user.id).is_empty() {
            return Err(Refusal::AlreadyConnected);
        }
        let room = state.rooms.entry(self.place).or_default();
        self.number = Some(room.add(self.outbox.clone(), self.user.clone()));
        state.tell(self.place);
        Ok(())
    }

    fn enter_or_say_why(&mut self) {
        if let Err(refusal) = self.enter() {
            self.outbox.push(refusal.message());
        }
    }

    fn is_in(&self) -> bool {
        self.number.is_some_and(|number| {
            let state = lock(&self.shared.plenary.state);
            let room = state.rooms.get(&self.place);
            room.is_some_and(|room| room.contains(number))
        })
    }

    /// A message of the client.
    fn hear(&mut self, message: &Message) {
        let Message::Text(text) = message else {
            return self.say("Invalid JSON");
        };
        if text.as_str() == HEARTBEAT {
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return self.say("Invalid JSON");
        };
        match (self.place, value.get("type").and_then(Value::as_str)) {
            (_, None) => self.say("Missing type"),
            (Place::Plenary(_), Some("chat")) => {
                match value.pointer("/payload/message").and_then(Value::as_str) {
                    Some(text) => self.chat(text),
                    None => self.say("Chat without a message, or outside of a room"),
                }
            }
            (Place::Breakout(_), Some("DISCONNECTING_OTHERS")) => self.disconnect_others(),
            (_, Some(other)) => {
                let start: String = other.chars().take(100).collect();
                self.say(&format!("Type {start} not understood"));
            }
        }
    }

    fn say(&self, what: &str) {
        self.outbox.push(error_message(what, None));
    }

    /// To everybody in the room, the sender included.
    fn chat(&self, text: &str) {
        let mut state = lock(&self.shared.plenary.state);
        state.last_chat += 1;
        let message = text_message(&json!({
            "type": "chat",
            "payload": {
                "id": state.last_chat,
                "user": self.user.id,
                "username": self.user.name,
                "created": humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
                "message": escape(text),
                "highlight": false,
                "archived": false,
                "mentions": [],
            },
        }));
        if let Some(room) = state.rooms.get(&self.place) {
            room.send(&message);
        }
    }

    /// Take the user's other sockets out of their breakouts, and go into this one.
    fn disconnect_others(&mut self) {
        let mut state = lock(&self.shared.plenary.state);
        for (place, number) in state.breakouts_of(self.user.id) {
            if (place, Some(number)) == (self.place, self.number) {
                continue;
            }
            if let Some(outbox) = state.remove(place, number) {
                outbox.push(Refusal::AlreadyConnected.message());
                state.tell(place);
            }
        }
        drop(state);
        if !self.is_in() {
            self.enter_or_say_why();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut state = lock(&self.shared.plenary.state);
            if state.remove(self.place, number).is_some() {
                state.tell(self.place);
            }
        }
    }
}

impl State {
    fn count(&self, place: Place) -> usize {
        self.rooms.get(&place).map_or(0, Members::count)
    }

    fn remove(&mut self, place: Place, number: u64) -> Option<Arc<Outbox>> {
        self.rooms.get_mut(&place)?.remove(number)
    }

    /// The user's sockets in breakouts.
    fn breakouts_of(&self, user: u64) -> Vec<(Place, u64)> {
        let breakouts = self
            .rooms
            .iter()
            .filter(|(place, _)| matches!(place, Place::Breakout(_)));
        breakouts
            .flat_map(|(place, room)| {
                room.iter()
                    .map(|(number, _, found)| (*place, number, found.id))
            })
            .filter(|(_, _, id)| *id == user)
            .map(|(place, number, _)| (place, number))
            .collect()
    }

    /// The full list of members, each once however many sockets it has, to all in the room.
    fn tell(&self, place: Place) {
        let Some(room) = self.rooms.get(&place) else {
            return;
        };
        let mut seen = BTreeMap::new();
        for (number, _, user) in room.iter() {
            seen.entry(user.id).or_insert((number, &user.name));
        }
        let mut members: Vec<_> = seen.into_iter().collect();
        members.sort_unstable_by_key(|(_, (number, _))| *number);
        let members: Vec<Value> = members
            .into_iter()
            .map(|(id, (_, name))| json!({ "id": id, "username": name }))
            .collect();
        room.send(&text_message(&json!({
            "type": "presence",
            "payload": { "channel_name": place.name(), "members": members, "lurkers": 0 },
        })));
    }
}

/// As Django writes text into HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_full_takes_nobody_until_someone_leaves() {
        let shared = Arc::new(Shared::default());
        let place = Place::Plenary(1);
        let user = |id| User {
            id,
            name: id.to_string(),
        };
        let mut room = Members::default();
        for id in 0..PARTICIPANTS_MAX as u64 {
            room.add(Arc::default(), user(id));
        }
        lock(&shared.plenary.state).rooms.insert(place, room);
        let mut seat = Seat::new(&shared, Arc::default(), place, user(7000));
        assert_eq!(seat.enter(), Err(Refusal::OverCapacity));
        drop(lock(&shared.plenary.state).remove(place, 1));
        assert_eq!(seat.enter(), Ok(()));
        assert!(seat.is_in());
        drop(seat);
        assert_eq!(
            lock(&shared.plenary.state).count(place),
            PARTICIPANTS_MAX - 1
        );
    }
}
