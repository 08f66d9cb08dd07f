//! Two and two relay messages: one posts a message to a server and writes to its partner where it lies; the partner fetches it,
//! looks whether it is what was sent, and says so. What the run measures is `delivery_time`, from before the posting until
//! after the fetching, beside what was lost and what came twice.
//!
//! Runs against `lt-host target` as it is. Under one seed a run repeats itself: the same two meet, and ids, texts and pauses are
//! the same; only the numbers that the server gives its items are the server's. Users must have ids in a row, as they do.

mod mail;

use lt_sdk::coordination::{Error as CoordinationError, Meeting};
use lt_sdk::prelude::*;
use lt_sdk::rand::Rng;
use lt_sdk::serde::Deserialize;

use mail::{Mail, Parcel};

/// What `--set` can change.
#[derive(Settings)]
struct Options {
    /// Where the server is
    #[setting(default = "http://127.0.0.1:8080")]
    base_url: String,
    /// Messages in one iteration
    #[setting(default = 3, min = 1, max = 1000)]
    messages: u32,
    /// Letters of a message
    #[setting(default = 100, min = 1, max = 8000)]
    message_bytes: u32,
    /// Shortest pause after a message
    #[setting(default = "100ms")]
    think_time_min: Duration,
    /// Longest pause after a message
    #[setting(default = "500ms")]
    think_time_max: Duration,
    /// Whether the same two meet in every run. Each pair then has a meeting of its own: for more than some thousand users, let
    /// whoever comes first meet
    #[setting(default = true)]
    same_partner: bool,
    /// How long to wait for the partner to come
    #[setting(default = "30s")]
    meeting_timeout: Duration,
    /// How long to wait for the partner's next word, its pause not counted
    #[setting(default = "10s")]
    answer_timeout: Duration,
}

/// How long the one that ends waits for the other's last words, and how often it looks: `receive` waits no more by then.
const LAST_WORDS: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// One of a pair.
struct Relay {
    options: Options,
    sends: bool,
    partner: u64,
    /// The partner said goodbye, or is not there any more.
    parted: bool,
}

#[lt_sdk::scenario]
impl Scenario for Relay {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.role("sender", "posts messages", Share::Weight(1))
            .role("receiver", "fetches them", Share::Weight(1))
            .users(2)
    }

    fn init(run: &RunInfo) -> Result<Vec<u8>> {
        ensure!(
            run.users.is_multiple_of(2),
            "{} users cannot meet two and two: one would wait for a partner that never comes (remedy: an even number of users)",
            run.users
        );
        Ok(Vec::new())
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        let sends = user.role == "sender";
        let meeting = Meeting::roles(
            &mail::place(sends, user.id, options.same_partner),
            ["sender", "receiver"],
        )?;
        let pair = match meeting.join(b"", options.meeting_timeout) {
            Err(CoordinationError::Stopping) => {
                return Err(Error::stop_user("asked to end before the partner came"));
            }
            came => {
                check!("the partner came", came.is_ok());
                came.context("meet the partner")?
            }
        };
        let partner = pair.partner().context("meet the partner: alone")?.user;
        Ok(Self {
            options,
            sends,
            partner,
            parted: false,
        })
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let mut rng = it.rng();
        let Options {
            messages,
            think_time_min,
            think_time_max,
            ..
        } = self.options;
        for number in 0..messages {
            if self.sends {
                self.post(it.number, number, &mut rng)?;
            } else {
                self.wait_for_message()?;
            }
            if self.parted {
                user::stop_self();
            }
            if self.parted || user::should_stop() {
                break;
            }
            if self.sends {
                // Only here: a receiver that paused too would measure its own pause as time to delivery.
                timing::sleep(rng.think_time(think_time_min..think_time_max));
            }
        }
        Ok(())
    }

    /// Says goodbye, also to a partner that has said it before. What the sender had on the way by then is still received: the
    /// receiver stays until its partner has said goodbye too.
    fn leave(mut self) -> Result<()> {
        if !self.tell(&Mail::Bye)? || self.parted || self.sends {
            return Ok(());
        }
        let end = timing::now() + LAST_WORDS;
        while let Some(word) = last_word(end) {
            match word {
                Mail::Posted(parcel) => self.fetch(&parcel)?,
                Mail::Bye => break,
                Mail::Fetched { .. } | Mail::Hello => {}
            }
        }
        Ok(())
    }
}

impl Relay {
    /// Post one message, tell the partner, and wait until it has it.
    fn post(&mut self, iteration: u64, number: u32, rng: &mut Rng) -> Result<()> {
        let id = mail::message_id(user::id(), iteration, number, rng);
        let text = mail::text(self.options.message_bytes as usize, rng);
        if self.has_left() || user::should_stop() {
            return Ok(());
        }
        let start = timing::now();
        let answer = http::post([&self.options.base_url, "/items"].concat())
            .json(&lt_sdk::json!({ "message": id.as_str(), "text": text.as_str() }))
            .name("post message")
            .send()?;
        if !check!("the message was posted", answer.status() == 201) {
            bail!("posting answered {}", answer.status());
        }
        let Posted { id: item } = answer.json()?;
        let sum = mail::sum(&text);
        let parcel = Parcel { item, sum, id };
        if !self.tell(&Mail::Posted(parcel.clone()))? {
            return Ok(());
        }
        coordination::mark_sent_at(&parcel.id, 1, start)?;
        self.wait_for_receipt(&parcel.id)
    }

    /// Wait until the partner says what became of a message; words on others come from waits that were given up.
    fn wait_for_receipt(&mut self, sent: &str) -> Result<()> {
        let end = timing::now() + self.options.answer_timeout;
        loop {
            match next_word(end)? {
                Some(Mail::Fetched { id, intact }) if id == sent => {
                    check!("the partner has the message", intact);
                    return Ok(());
                }
                Some(Mail::Bye) => {
                    // What is on the way it still fetches, before it is gone.
                    self.parted = true;
                    return Ok(());
                }
                Some(_) => {}
                None => return self.missing("no receipt in time"),
            }
        }
    }

    /// Wait for the partner's next message, and fetch it.
    fn wait_for_message(&mut self) -> Result<()> {
        // The sender pauses before each but the first.
        let patience = self.options.answer_timeout + self.options.think_time_max;
        let end = timing::now() + patience;
        loop {
            match coordination::receive(end - timing::now()) {
                Ok(message) => match Mail::read(&message.content) {
                    Some(Mail::Posted(parcel)) => return self.fetch(&parcel),
                    Some(Mail::Bye) => {
                        self.parted = true;
                        return Ok(());
                    }
                    _ => {}
                },
                // What is on the way is received when it leaves.
                Err(CoordinationError::Stopping) => return Ok(()),
                Err(CoordinationError::Timeout) => return self.missing("no message in time"),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Fetch a message and tell the partner, also if it could not be fetched.
    fn fetch(&mut self, parcel: &Parcel) -> Result<()> {
        let text = self.fetch_text(parcel);
        let intact = matches!(&text, Ok(text) if mail::sum(text) == parcel.sum);
        check!("the message is what was sent", intact);
        if intact {
            coordination::mark_received(&parcel.id)?;
        }
        let id = parcel.id.clone();
        self.tell(&Mail::Fetched { id, intact })?;
        text.map(drop)
    }

    fn fetch_text(&self, parcel: &Parcel) -> Result<String> {
        // The server does not look at the query; its log then tells which message was fetched.
        let url = format!(
            "{}/items/{}?message={}",
            self.options.base_url, parcel.item, parcel.id
        );
        let answer = http::get(url)
            .name("fetch message")
            .send()?
            .error_for_status()?;
        let Fetched { item } = answer.json()?;
        ensure!(
            item.message == parcel.id,
            "item {} is another message",
            parcel.item
        );
        Ok(item.text)
    }

    /// Write to the partner; false if it is not there any more.
    fn tell(&mut self, word: &Mail) -> Result<bool> {
        match coordination::send(self.partner, word.write()) {
            Ok(()) => Ok(true),
            // It is gone; in a run that winds down that is no wonder, and told as `Stopping`.
            Err(CoordinationError::NoRecipient | CoordinationError::Stopping) => {
                self.parted = true;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the partner has said goodbye since it was last listened to. Only for the sender, to whom nothing else matters.
    fn has_left(&mut self) -> bool {
        while let Some(message) = coordination::try_receive() {
            self.parted |= Mail::read(&message.content) == Some(Mail::Bye);
        }
        self.parted
    }

    /// Nothing came: the partner is not there any more, or it is late, which fails the iteration.
    fn missing(&mut self, what: &'static str) -> Result<()> {
        if user::should_stop() || !self.tell(&Mail::Hello)? {
            return Ok(());
        }
        Err(Error::msg(what))
    }
}

/// The partner's next word, `None` if there is none by then. Whoever is asked to end meanwhile still waits for its last ones.
fn next_word(end: Instant) -> Result<Option<Mail>> {
    match coordination::receive(end - timing::now()) {
        Ok(message) => Ok(Some(Mail::read(&message.content).unwrap_or(Mail::Hello))),
        Err(CoordinationError::Timeout) => Ok(None),
        Err(CoordinationError::Stopping) => Ok(last_word(end.min(timing::now() + LAST_WORDS))),
        Err(error) => Err(error.into()),
    }
}

/// The same for a user that is asked to end.
fn last_word(end: Instant) -> Option<Mail> {
    loop {
        if let Some(message) = coordination::try_receive() {
            return Some(Mail::read(&message.content).unwrap_or(Mail::Hello));
        }
        if timing::now() >= end {
            return None;
        }
        timing::sleep(LOOK);
    }
}

/// The server's answer to a new item.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct Posted {
    id: u64,
}

/// An item as the server shows it.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct Fetched {
    item: Message,
}

/// What was posted.
#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct Message {
    message: String,
    text: String,
}
