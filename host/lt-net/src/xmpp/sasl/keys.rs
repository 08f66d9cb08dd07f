//! Keys from passwords: PBKDF2 on threads of its own, because it takes milliseconds that a thread full of users does not have, and
//! what was derived once is kept, because a user logs in again and again.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread;

use aws_lc_rs::{digest, hmac, pbkdf2};
use tokio::sync::oneshot;

/// Keys kept: those of two hundred thousand accounts, some 120 bytes each.
const KEPT_MAX: usize = 200_000;
/// Most rounds that are done on the spot: 30 µs, no more than it takes to ask another thread.
const ROUNDS_ON_THE_SPOT_MAX: u32 = 256;
/// Most threads, whatever the machine.
const THREADS_MAX: usize = 64;

/// A hash that SCRAM is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    pub(super) fn digest(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }

    pub(super) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data)
            .as_ref()
            .to_vec()
    }

    fn pbkdf2(self, password: &str, salt: &[u8], rounds: NonZeroU32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        };
        let mut salted = vec![0; length];
        pbkdf2::derive(algorithm, rounds, salt, password.as_bytes(), &mut salted);
        salted
    }
}

/// `ClientKey` and `ServerKey` of RFC 5802, one after the other; of the same length.
#[derive(Clone)]
pub(crate) struct Keys(Arc<[u8]>);

impl Keys {
    pub(super) fn client(&self) -> &[u8] {
        self.halves().0
    }

    pub(super) fn server(&self) -> &[u8] {
        self.halves().1
    }

    fn halves(&self) -> (&[u8], &[u8]) {
        self.0.split_at(self.0.len() / 2)
    }
}

/// What keys are derived from.
pub(crate) struct Derivation {
    hash: Hash,
    password: String,
    salt: Vec<u8>,
    rounds: NonZeroU32,
}

/// Without the password.
impl std::fmt::Debug for Derivation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Derivation")
            .field("hash", &self.hash)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

/// A [`Derivation`] for looking up: a hash of all of it, so that no password is kept.
type Fingerprint = [u8; digest::SHA256_OUTPUT_LEN];

impl Derivation {
    pub(super) fn new(hash: Hash, password: String, salt: Vec<u8>, rounds: NonZeroU32) -> Self {
        Self {
            hash,
            password,
            salt,
            rounds,
        }
    }

    pub(super) fn run(&self) -> Keys {
        let salted = self.hash.pbkdf2(&self.password, &self.salt, self.rounds);
        let key = |name: &str| self.hash.hmac(&salted, name.as_bytes());
        Keys([key("Client Key"), key("Server Key")].concat().into())
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&[self.hash as u8]);
        context.update(&self.rounds.get().to_be_bytes());
        // With its length, so that salt and password cannot run into each other.
        context.update(&(self.salt.len() as u64).to_be_bytes());
        context.update(&self.salt);
        context.update(self.password.as_bytes());
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }
}

/// The keys: at once if they are known, or if deriving them takes no longer than asking for them. Otherwise a thread derives them; whoever
/// gives up waiting is not derived for, unless it was begun.
pub(crate) async fn derive(derivation: Derivation) -> Keys {
    static WORKSHOP: OnceLock<Workshop> = OnceLock::new();
    let workshop = WORKSHOP.get_or_init(|| {
        // Half of the processors: the others are the users'.
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Workshop::start(processors.div_ceil(2).min(THREADS_MAX))
    });
    workshop.derive(derivation).await
}

/// The threads, and what they have derived.
struct Workshop {
    orders: mpsc::Sender<Order>,
    kept: Arc<Mutex<Kept>>,
}

/// One derivation for somebody who waits.
struct Order {
    derivation: Arc<Derivation>,
    fingerprint: Fingerprint,
    customer: oneshot::Sender<Keys>,
}

impl Workshop {
    /// Threads that end when the workshop does. With none, because the system gives none, all is done on the spot.
    fn start(threads: usize) -> Self {
        let (orders, inbox) = mpsc::channel();
        let inbox = Arc::new(Mutex::new(inbox));
        let kept = Arc::<Mutex<Kept>>::default();
        for _ in 0..threads {
            let (inbox, kept) = (inbox.clone(), kept.clone());
            let thread = thread::Builder::new().name("sasl-keys".to_owned());
            if let Err(error) = thread.spawn(move || work(&inbox, &kept)) {
                tracing::warn!(%error, "no thread for deriving keys");
            }
        }
        Self { orders, kept }
    }

    async fn derive(&self, derivation: Derivation) -> Keys {
        let fingerprint = derivation.fingerprint();
        if let Some(keys) = lock(&self.kept).get(&fingerprint) {
            return keys;
        }
        let derivation = Arc::new(derivation);
        if derivation.rounds.get() > ROUNDS_ON_THE_SPOT_MAX {
            let (customer, answer) = oneshot::channel();
            let order = Order {
                derivation: derivation.clone(),
                fingerprint,
                customer,
            };
            if self.orders.send(order).is_ok()
                && let Ok(keys) = answer.await
            {
                return keys;
            }
        }
        let keys = derivation.run();
        lock(&self.kept).insert(fingerprint, keys.clone());
        keys
    }
}

/// One thread: order after order.
fn work(inbox: &Mutex<mpsc::Receiver<Order>>, kept: &Mutex<Kept>) {
    loop {
        let order = lock(inbox).recv();
        let Ok(order) = order else {
            return;
        };
        if order.customer.is_closed() {
            continue;
        }
        // Somebody may have ordered the same a moment before.
        let known = lock(kept).get(&order.fingerprint);
        let keys = known.unwrap_or_else(|| {
            let keys = order.derivation.run();
            lock(kept).insert(order.fingerprint, keys.clone());
            keys
        });
        // Whoever gave up meanwhile may come again.
        let _ = order.customer.send(keys);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was derived, in two generations: when the younger is half of what may be kept, the older is forgotten. So what was used
/// lately stays, without an order of use that each look-up would have to write.
#[derive(Default)]
struct Kept {
    younger: HashMap<Fingerprint, Keys>,
    older: HashMap<Fingerprint, Keys>,
}

impl Kept {
    fn get(&mut self, fingerprint: &Fingerprint) -> Option<Keys> {
        if let Some(keys) = self.younger.get(fingerprint) {
            return Some(keys.clone());
        }
        let keys = self.older.remove(fingerprint)?;
        self.insert(*fingerprint, keys.clone());
        Some(keys)
    }

    fn insert(&mut self, fingerprint: Fingerprint, keys: Keys) {
        if self.younger.len() >= KEPT_MAX / 2 {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(fingerprint, keys);
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
