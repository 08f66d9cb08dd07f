//! Who is to receive what is sent somewhere.

use super::Result;
use crate::bindings::lt::scenario::coordination as host;
use crate::timing::Instant;

/// Who is present somewhere, such as in a chat room, and so is to receive what is sent there. Users of the run that open it by the same name
/// share one. Dropping the last that entered, or the user's end, leaves it like [`leave`](Self::leave).
///
/// ```no_run
/// use lt_sdk::coordination::Audience;
/// use lt_sdk::prelude::*;
/// use lt_sdk::websocket::{self, Key, Pattern, Watch};
///
/// # fn iterate(it: Iteration) -> Result<()> {
/// let socket = websocket::connect("ws://127.0.0.1:8080/room/7")?;
/// // What comes is marked as received by the host.
/// let watcher = socket.watch(Watch::new(Pattern::json("/type", "chat")).delivery(Key::pointer("/id")).discard())?;
/// socket.receive_matching(&Pattern::json("/type", "welcome"), Duration::from_secs(5))?;
/// let room = Audience::open("room-7")?;
/// room.enter()?;
///
/// let id = format!("{}-{}", user::id(), it.number);
/// let at = timing::now();
/// socket.send_json(&lt_sdk::json!({ "type": "chat", "id": &id }))?;
/// // Once it is sent: a message that could not be is to reach nobody.
/// room.mark_sent_at(&id, at)?;
/// timing::sleep(Duration::from_secs(60));
///
/// room.leave();
/// socket.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Audience(host::Audience);

impl Audience {
    /// Open an audience. Nobody is present for that.
    ///
    /// # Errors
    /// If the name is empty or longer than 128 bytes, or the run has too many.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let room = lt_sdk::coordination::Audience::open("room-7")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(name: &str) -> Result<Self> {
        Ok(Self(host::Audience::open(name)?))
    }

    /// This user is present from now on: what is sent after this, it is to receive. Entering again does nothing. To be said when the
    /// server has confirmed it, or what it sends before that counts as lost.
    ///
    /// # Errors
    /// If the host cannot.
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience) -> lt_sdk::Result<()> {
    /// room.enter()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enter(&self) -> Result<()> {
        Ok(self.0.enter()?)
    }

    /// This user is not present any more, of its own will: what it has not received yet, nobody expects. Counts in `delivery_excused`; but what
    /// has been on its way for more than 10 s is lost. To be said before the connection is closed, or after [`step_out`](Self::step_out).
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience, socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// room.leave();
    /// socket.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn leave(&self) {
        self.0.leave(host::Outstanding::Excused);
    }

    /// This user is on its way out: what is sent from now on, it is not to receive, and what is on its way may still come. To be said before
    /// the connection is closed; how that goes says what follows, [`leave`](Self::leave) or [`cut_off`](Self::cut_off).
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience, socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// room.step_out();
    /// if socket.close()?.is_orderly() {
    ///     room.leave();
    /// } else {
    ///     room.cut_off();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn step_out(&self) {
        self.0.leave(host::Outstanding::Undecided);
    }

    /// This user was cut off: what it has not received yet is lost, at once. Counts in `delivery_lost`.
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience, socket: &lt_sdk::websocket::WebSocket) {
    /// if socket.closed().is_some() {
    ///     room.cut_off();
    /// }
    /// # }
    /// ```
    pub fn cut_off(&self) {
        self.0.leave(host::Outstanding::Lost);
    }

    /// How many are present.
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience) {
    /// lt_sdk::log::info!("{} in the room", room.present());
    /// # }
    /// ```
    #[must_use]
    pub fn present(&self) -> u32 {
        self.0.present()
    }

    /// Note that something was sent just now to everyone present, this user included if it is: counts in `delivery_sent` once for each of them, whose
    /// number is returned. The id is unique in the run (at most 256 bytes). What is not received within the run's delivery timeout
    /// (60 s unless set) counts in `delivery_lost`; a receipt by someone who was not present counts nowhere.
    ///
    /// To be said when it was sent, never before: what could not be sent after all would count as lost for everyone. A receipt that is
    /// faster is no harm. The time to delivery begins with this call; [`mark_sent_at`](Self::mark_sent_at) takes the time before the sending.
    ///
    /// # Errors
    /// If the id is empty, too long, or was already sent.
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience, socket: &lt_sdk::websocket::WebSocket, id: &str) -> lt_sdk::Result<()> {
    /// socket.send_text(id)?;
    /// let recipients = room.mark_sent(id)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_sent(&self, id: &str) -> Result<u32> {
        self.sent(id, true, None)
    }

    /// The same where the server does not send it back to the sender.
    ///
    /// # Errors
    /// Those of [`mark_sent`](Self::mark_sent).
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience, id: &str) -> lt_sdk::Result<()> {
    /// let recipients = room.mark_sent_to_others(id)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_sent_to_others(&self, id: &str) -> Result<u32> {
        self.sent(id, false, None)
    }

    /// Note that something was sent at this time to everyone who is present now, this user included if it is.
    ///
    /// # Errors
    /// Those of [`mark_sent`](Self::mark_sent).
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience, socket: &lt_sdk::websocket::WebSocket, id: &str) -> lt_sdk::Result<()> {
    /// let at = lt_sdk::timing::now();
    /// socket.send_text(id)?;
    /// room.mark_sent_at(id, at)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_sent_at(&self, id: &str, at: Instant) -> Result<u32> {
        self.sent(id, true, Some(at))
    }

    /// Note that something was sent at this time to everyone else who is present now.
    ///
    /// # Errors
    /// Those of [`mark_sent`](Self::mark_sent).
    ///
    /// ```no_run
    /// # fn iterate(room: &lt_sdk::coordination::Audience, id: &str, start: lt_sdk::timing::Instant) -> lt_sdk::Result<()> {
    /// let recipients = room.mark_sent_to_others_at(id, start)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_sent_to_others_at(&self, id: &str, at: Instant) -> Result<u32> {
        self.sent(id, false, Some(at))
    }

    fn sent(&self, id: &str, sender_too: bool, at: Option<Instant>) -> Result<u32> {
        Ok(self
            .0
            .mark_sent(id, sender_too, at.map(Instant::as_nanos))?)
    }
}
