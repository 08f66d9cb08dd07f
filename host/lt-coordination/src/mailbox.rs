//! Who runs, and the mailbox of each.
//!
//! Users are found by id in a table of many locks, and by role in one list a role; each mailbox has a lock of its own.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use lt_spec::limits::{MAILBOX_MESSAGES_MAX, MESSAGE_BYTES_MAX};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::api::{CoordinationError, Message, Recipient, UserRef};
use crate::weight::{Scales, Weight};
use crate::{SHARDS, lock, read, remember, shard, wake_all, write};

/// Users of a role that are asked before a message to any of them is refused: if so many in a row have full mailboxes, the
/// role does not read what is written to it, and asking a hundred thousand would hold everyone up.
const ANY_OF_ROLE_TRIES: usize = 64;

/// A user's mailbox.
#[derive(Debug)]
struct Mailbox {
    user: UserRef,
    state: Mutex<Letters>,
}

#[derive(Debug, Default)]
struct Letters {
    messages: VecDeque<(Message, Weight)>,
    waker: Option<Waker>,
}

/// What came of putting a message into a mailbox.
enum Put {
    In(Option<Waker>),
    Full,
}

impl Mailbox {
    fn put(&self, message: Message, scales: &Scales) -> Put {
        // The content is weighed once, however many have it; this is what each mailbox adds.
        let Some(weight) = scales.take(size_of::<(Message, Weight)>()) else {
            return Put::Full;
        };
        let mut state = lock(&self.state);
        if state.messages.len() >= MAILBOX_MESSAGES_MAX {
            return Put::Full;
        }
        state.messages.push_back((message, weight));
        Put::In(state.waker.take())
    }
}

/// One that runs. Counted, since a user that is built anew may overlap with its former self.
#[derive(Clone, Debug)]
struct Present {
    number: u64,
    mailbox: Arc<Mailbox>,
}

/// Users of one role, in the order in which they came.
#[derive(Debug, Default)]
struct Role {
    users: BTreeMap<u64, Arc<Mailbox>>,
    /// Whose turn it was last.
    last: u64,
}

impl Role {
    /// The user whose turn comes after this one's.
    fn after(&self, last: u64) -> Option<(u64, &Arc<Mailbox>)> {
        let later = (Bound::Excluded(last), Bound::Unbounded);
        let next = self.users.range(later).next();
        let next = next.or_else(|| self.users.first_key_value());
        next.map(|(number, mailbox)| (*number, mailbox))
    }
}

/// Who runs.
#[derive(Debug)]
pub(crate) struct PostOffice {
    by_id: [Mutex<FxHashMap<u64, Present>>; SHARDS],
    /// Roles stay: a run has a handful.
    by_role: RwLock<FxHashMap<Arc<str>, Arc<Mutex<Role>>>>,
    enrolled: AtomicU64,
    numbers: AtomicU64,
    scales: Scales,
}

impl PostOffice {
    /// Nobody yet. Messages that were not read weigh upon these scales.
    pub(crate) fn new(scales: Scales) -> Self {
        Self {
            by_id: std::array::from_fn(|_| Mutex::default()),
            by_role: RwLock::default(),
            enrolled: AtomicU64::new(0),
            // 0 is before the first.
            numbers: AtomicU64::new(1),
            scales,
        }
    }

    /// How many users run.
    pub(crate) fn enrolled(&self) -> u64 {
        self.enrolled.load(Ordering::SeqCst)
    }

    /// Whether a user with this id runs.
    pub(crate) fn is_enrolled(&self, id: u64) -> bool {
        lock(shard(&self.by_id, &id)).contains_key(&id)
    }

    /// A user runs from now on. One with the same id is replaced.
    pub(crate) fn enroll(&self, user: UserRef) -> Enrolled {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let id = user.id;
        let role = self.role(&user.role);
        let mailbox = Arc::new(Mailbox {
            user,
            state: Mutex::default(),
        });
        let present = Present {
            number,
            mailbox: Arc::clone(&mailbox),
        };
        lock(&role).users.insert(number, Arc::clone(&mailbox));
        let replaced = {
            let mut users = lock(shard(&self.by_id, &id));
            let replaced = users.insert(id, present);
            if replaced.is_none() {
                self.enrolled.fetch_add(1, Ordering::SeqCst);
            }
            replaced
        };
        if let Some(replaced) = replaced {
            self.strike(&replaced);
        }
        Enrolled { number, mailbox }
    }

    /// A user has left. Returns whether it was not replaced before.
    pub(crate) fn leave(&self, enrolled: &Enrolled) -> bool {
        let id = enrolled.mailbox.user.id;
        let left = {
            let mut users = lock(shard(&self.by_id, &id));
            if users.get(&id).map(|it| it.number) != Some(enrolled.number) {
                return false;
            }
            self.enrolled.fetch_sub(1, Ordering::SeqCst);
            users.remove(&id)
        };
        if let Some(left) = left {
            self.strike(&left);
        }
        true
    }

    /// Put a message into the mailboxes of its recipients. Returns how many it came into.
    ///
    /// # Errors
    /// `NoRecipient`, `MailboxFull`, `TooLarge`.
    pub(crate) fn send(
        &self,
        sender: u64,
        to: &Recipient,
        content: Bytes,
    ) -> Result<u32, CoordinationError> {
        if content.len() > MESSAGE_BYTES_MAX {
            return Err(CoordinationError::TooLarge(MESSAGE_BYTES_MAX as u64));
        }
        let content = self.scales.hold(content);
        let message = Message {
            sender,
            content: content.ok_or(CoordinationError::MailboxFull)?,
            arrived: Instant::now(),
        };
        match to {
            Recipient::User(id) => self.send_to(*id, message),
            Recipient::AnyOfRole(role) => self.send_to_any(role, message),
            Recipient::AllOfRole(role) => self.send_to_all(role, &message),
        }
    }

    fn send_to(&self, id: u64, message: Message) -> Result<u32, CoordinationError> {
        let found = lock(shard(&self.by_id, &id)).get(&id).cloned();
        let found = found.ok_or(CoordinationError::NoRecipient)?;
        match found.mailbox.put(message, &self.scales) {
            Put::In(waker) => {
                wake_all([waker]);
                Ok(1)
            }
            Put::Full => Err(CoordinationError::MailboxFull),
        }
    }

    fn send_to_any(&self, role: &str, message: Message) -> Result<u32, CoordinationError> {
        let users = self.known_role(role)?;
        let mut users = lock(&users);
        let mut refused = CoordinationError::NoRecipient;
        let mut last = users.last;
        // One more try than users with full mailboxes: the sender itself is passed over.
        let tries = users.users.len().min(ANY_OF_ROLE_TRIES + 1);
        for _ in 0..tries {
            let Some((number, mailbox)) = users.after(last) else {
                break;
            };
            last = number;
            if mailbox.user.id == message.sender {
                continue;
            }
            match mailbox.put(message.clone(), &self.scales) {
                Put::In(waker) => {
                    users.last = number;
                    drop(users);
                    wake_all([waker]);
                    return Ok(1);
                }
                Put::Full => refused = CoordinationError::MailboxFull,
            }
        }
        users.last = last;
        Err(refused)
    }

    fn send_to_all(&self, role: &str, message: &Message) -> Result<u32, CoordinationError> {
        let users = self.known_role(role)?;
        let mut wakers = Vec::new();
        let mut refused = CoordinationError::NoRecipient;
        for mailbox in lock(&users).users.values() {
            if mailbox.user.id == message.sender {
                continue;
            }
            match mailbox.put(message.clone(), &self.scales) {
                Put::In(waker) => wakers.push(waker),
                Put::Full => refused = CoordinationError::MailboxFull,
            }
        }
        let reached = u32::try_from(wakers.len()).unwrap_or(u32::MAX);
        wake_all(wakers);
        if reached == 0 {
            Err(refused)
        } else {
            Ok(reached)
        }
    }

    fn known_role(&self, role: &str) -> Result<Arc<Mutex<Role>>, CoordinationError> {
        let known = read(&self.by_role).get(role).cloned();
        known.ok_or(CoordinationError::NoRecipient)
    }

    fn role(&self, role: &Arc<str>) -> Arc<Mutex<Role>> {
        if let Ok(known) = self.known_role(role) {
            return known;
        }
        let mut roles = write(&self.by_role);
        Arc::clone(roles.entry(Arc::clone(role)).or_default())
    }

    /// Strike a user off its role's list.
    fn strike(&self, present: &Present) {
        if let Ok(role) = self.known_role(&present.mailbox.user.role) {
            lock(&role).users.remove(&present.number);
        }
    }
}

/// A user that runs. Whoever has it must tell when it leaves.
#[derive(Debug)]
pub(crate) struct Enrolled {
    number: u64,
    mailbox: Arc<Mailbox>,
}

impl Enrolled {
    /// The user's id.
    pub(crate) fn id(&self) -> u64 {
        self.mailbox.user.id
    }

    /// Ready when there is a message.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.mailbox.state);
        if !state.messages.is_empty() {
            return Poll::Ready(());
        }
        let outdated = remember(&mut state.waker, cx.waker());
        drop(state);
        drop(outdated);
        Poll::Pending
    }

    /// The next message, if there is one.
    pub(crate) fn try_receive(&self) -> Option<Message> {
        let next = lock(&self.mailbox.state).messages.pop_front();
        next.map(|(message, _)| message)
    }
}
