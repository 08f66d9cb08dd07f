//! `/ws/chat/{room}`: rooms in which whatever one says is sent to all. Made for many: what is said is written as it came, and
//! how many are there is told a few times a second, not at each coming and going.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Members, Message, Outbox, Session, option};
use crate::target::{Shared, lock};

/// Most rooms at a time. They go when the last has left.
pub(super) const ROOMS_MAX: usize = 10_000;
/// Most sockets in one room: more than one machine has ports for clients.
pub(super) const MEMBERS_MAX: usize = 100_000;
/// Longest name of a room or of a guest.
pub(super) const NAME_BYTES_MAX: usize = 100;
/// Most names in a list of who is there: a list for each of so many, to each of so many, is load enough.
pub(super) const LISTED_MAX: usize = 1000;
/// Shortest time between two lists or counts to the same room.
pub(super) const PRESENCE_INTERVAL: Duration = Duration::from_millis(250);
/// What a client sends to say that it is still there: a JSON text. It is not answered.
pub(in crate::target) const HEARTBEAT: &str = "\"heartbeat\"";

/// All rooms that anyone is in, by name.
#[derive(Debug, Default)]
pub(in crate::target) struct Rooms {
    by_name: Mutex<HashMap<Box<str>, Arc<Room>>>,
}

impl Rooms {
    pub(super) fn count(&self) -> usize {
        lock(&self.by_name).len()
    }
}

#[derive(Debug, Default)]
struct Room {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    members: Members<Guest>,
    /// When those present were told last who is.
    told: Option<Instant>,
    /// Whether they are to be told again, by a task that waits for it.
    is_due: bool,
}

/// What a socket's URL asks for.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    room: Box<str>,
    name: Option<Box<str>>,
    presence: Presence,
}

/// What a socket is told of who is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Presence {
    /// The names.
    Full,
    /// How many.
    #[default]
    Count,
    /// Nothing.
    Off,
}

impl Guest {
    /// Read the rest of the path, and the query: `presence=full|count|off`, `name=`.
    pub(super) fn new(room: &str, query: Option<&str>) -> Result<Self, &'static str> {
        let presence = match option(query, "presence").as_deref() {
            None => Presence::default(),
            Some("full") => Presence::Full,
            Some("count") => Presence::Count,
            Some("off") => Presence::Off,
            Some(_) => return Err("presence is one of full, count, off"),
        };
        let name = option(query, "name");
        let is_named = !room.is_empty() && !room.contains('/');
        if !is_named || room.len().max(name.as_ref().map_or(0, String::len)) > NAME_BYTES_MAX {
            return Err("a room's name has 1 to 100 bytes and no slash, a guest's at most 100");
        }
        Ok(Self {
            room: room.into(),
            name: name.map(String::into_boxed_str),
            presence,
        })
    }
}

/// Serve one socket in a room.
pub(super) async fn visit(session: Session, guest: Guest) {
    let outbox = session.outbox().clone();
    match Visit::begin(session.shared(), &outbox, guest) {
        Some(visit) => session.serve(move |message| visit.hear(message)).await,
        None => {
            outbox.close(CloseCode::Again, "there is no room");
            session.serve(drop).await;
        }
    }
}

/// A socket's stay in a room: as long as this lives.
struct Visit {
    shared: Arc<Shared>,
    room: Arc<Room>,
    name: Box<str>,
    number: u64,
    outbox: Arc<Outbox>,
}

impl Visit {
    /// Enter, unless there are too many rooms, or too many in this one.
    fn begin(shared: &Arc<Shared>, outbox: &Arc<Outbox>, guest: Guest) -> Option<Self> {
        let (name, presence) = (guest.room.clone(), guest.presence);
        // Held until the guest is in, so that the room does not go in between: see `drop`.
        let mut rooms = lock(&shared.rooms.by_name);
        let room = match rooms.get(&name) {
            Some(room) => room.clone(),
            None if rooms.len() < ROOMS_MAX => rooms.entry(name.clone()).or_default().clone(),
            None => return None,
        };
        let mut state = lock(&room.state);
        if state.members.count() >= MEMBERS_MAX {
            return None;
        }
        let number = state.members.add(outbox.clone(), guest);
        // Who enters is told at once, the others soon.
        state.tell(outbox, presence);
        drop(state);
        drop(rooms);
        room.tell_soon();
        Some(Self {
            shared: shared.clone(),
            room,
            name,
            number,
            outbox: outbox.clone(),
        })
    }

    /// A message of this socket: chat goes to all as it is.
    fn hear(&self, message: Message) {
        match said(&message) {
            Ok(Said::Chat) => lock(&self.room.state).members.send(&message),
            Ok(Said::Heartbeat) => {}
            Err(why) => self.outbox.push(error_message(why, Some("bad-message"))),
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut rooms = lock(&self.shared.rooms.by_name);
        let is_empty = {
            let mut state = lock(&self.room.state);
            state.members.remove(self.number);
            state.members.is_empty()
        };
        if is_empty {
            rooms.remove(&self.name);
        }
        drop(rooms);
        if !is_empty {
            self.room.tell_soon();
        }
    }
}

impl Room {
    /// Tell those present who is: at once if they have not been told for a while, else when the interval is over. What happens until
    /// then is told together.
    fn tell_soon(self: &Arc<Self>) {
        // Without a runtime the server is ending: nobody is told any more.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let mut state = lock(&self.state);
        if state.is_due {
            return;
        }
        let now = Instant::now();
        let next = state.told.map_or(now, |told| told + PRESENCE_INTERVAL);
        if next <= now {
            state.tell_all(now);
            return;
        }
        state.is_due = true;
        drop(state);
        let room = self.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep_until(next).await;
            lock(&room.state).tell_all(Instant::now());
        });
    }
}

impl State {
    fn tell_all(&mut self, now: Instant) {
        self.told = Some(now);
        self.is_due = false;
        let mut made: [Option<Message>; 2] = [None, None];
        for (_, outbox, guest) in self.members.iter() {
            let (index, presence) = match guest.presence {
                Presence::Off => continue,
                Presence::Count => (0, Presence::Count),
                Presence::Full => (1, Presence::Full),
            };
            if let Some(place) = made.get_mut(index) {
                let message = place.get_or_insert_with(|| self.present(presence));
                outbox.push(message.clone());
            }
        }
    }

    fn tell(&self, outbox: &Outbox, presence: Presence) {
        if presence != Presence::Off {
            outbox.push(self.present(presence));
        }
    }

    fn present(&self, presence: Presence) -> Message {
        let mut payload = json!({ "count": self.members.count() });
        if presence == Presence::Full {
            let names = self.members.iter().take(LISTED_MAX);
            let names = names.map(|(number, _, guest)| match &guest.name {
                Some(name) => name.to_string(),
                None => format!("guest-{number}"),
            });
            payload["members"] = names.collect();
        }
        text_message(&json!({ "type": "presence", "payload": payload }))
    }
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Chat,
    Heartbeat,
}

fn said(message: &Message) -> Result<Said, &'static str> {
    let Message::Text(text) = message else {
        return Err("Only texts are understood");
    };
    if text.as_str() == HEARTBEAT {
        return Ok(Said::Heartbeat);
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Err("Invalid JSON");
    };
    if value.get("type").and_then(Value::as_str) != Some("chat") {
        return Err("Type not understood");
    }
    match value.pointer("/payload/message") {
        Some(_) => Ok(Said::Chat),
        None => Err("Chat without a message"),
    }
}

/// What went wrong, as the plenary's server says it.
pub(in crate::target) fn error_message(what: &str, code: Option<&str>) -> Message {
    text_message(&json!({ "type": "error", "payload": { "error": what, "error_code": code } }))
}

/// JSON as a message that lies in memory once, however many it is sent to.
pub(in crate::target) fn text_message(value: &Value) -> Message {
    Message::Text(Utf8Bytes::from(value.to_string()))
}
