//! When users of a scenario count among the others.
//!
//! At once when they are built: those who start together must all count before the first of them looks whether all are there.
//! But a scenario that starts later has its users built before the run's clock starts, and nobody should wait for users who
//! sleep, or write to them. They count from the moment the first of them joins, all together and on all cores.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lt_coordination::{Coordination, Membership, UserRef};

/// Where a sleeping user finds its presence once its scenario has begun.
pub(crate) type Bed = Arc<Mutex<Option<Box<dyn Membership>>>>;

/// The users of one scenario that sleep; one for all cores.
#[derive(Default)]
pub(crate) struct Enrolment {
    /// `None` once the first user has joined. The lock is held while all are enrolled: no other user looks before it is done.
    asleep: Mutex<Option<Vec<Sleeper>>>,
}

struct Sleeper {
    user: UserRef,
    /// A user that ended before its scenario began is gone.
    bed: Weak<Mutex<Option<Box<dyn Membership>>>>,
}

/// What a user that was built has.
pub(crate) enum Presence {
    /// It counts among the others.
    Awake(Box<dyn Membership>),
    /// It will.
    Asleep(Bed),
}

impl Enrolment {
    /// For a scenario that starts at this time of the run.
    pub(crate) fn new(start: Duration) -> Self {
        Self {
            asleep: Mutex::new((!start.is_zero()).then(Vec::new)),
        }
    }

    /// A user was built.
    pub(crate) fn built(&self, others: &dyn Coordination, user: UserRef) -> Presence {
        if let Some(asleep) = &mut *lock(&self.asleep) {
            let bed = Bed::default();
            asleep.push(Sleeper {
                user,
                bed: Arc::downgrade(&bed),
            });
            return Presence::Asleep(bed);
        }
        Presence::Awake(others.enroll(user))
    }

    /// A user that slept joins, and finds its presence in its bed from now on.
    pub(crate) fn begin(&self, others: &dyn Coordination) {
        let mut asleep = lock(&self.asleep);
        for Sleeper { user, bed } in asleep.take().unwrap_or_default() {
            if let Some(bed) = bed.upgrade() {
                *lock(&bed) = Some(others.enroll(user));
            }
        }
    }
}

/// What a panic left locked is whole: nothing here stops half-way.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lt_coordination::{CoordinationError, Local, LocalOptions, Population, Recipient};

    use super::*;

    fn others() -> Arc<Local> {
        Local::new(LocalOptions {
            seed: 1,
            delivery_timeout: Duration::from_secs(1),
            population: Population::default(),
        })
    }

    fn user(id: u64) -> UserRef {
        let role = "fan".into();
        UserRef { id, role }
    }

    /// How many mailboxes a word to all came into.
    async fn reached(others: &Local) -> Result<u32, CoordinationError> {
        let to = Recipient::AllOfRole("fan".to_owned());
        others.send(99, to, Bytes::from_static(b"hello")).await
    }

    #[tokio::test(start_paused = true)]
    async fn users_of_a_scenario_that_starts_at_once_count_when_they_are_built() {
        let others = others();
        let enrolment = Enrolment::new(Duration::ZERO);
        let Presence::Awake(mut first) = enrolment.built(&*others, user(1)) else {
            panic!("it sleeps");
        };
        assert_eq!(reached(&others).await, Ok(1));
        assert!(first.try_receive().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn users_that_sleep_count_together_once_the_first_of_them_joins() {
        let others = others();
        let enrolment = Enrolment::new(Duration::from_secs(10));
        let mut beds = Vec::new();
        for id in 1..=3 {
            let Presence::Asleep(bed) = enrolment.built(&*others, user(id)) else {
                panic!("user {id} is awake");
            };
            beds.push(bed);
        }
        assert_eq!(reached(&others).await, Err(CoordinationError::NoRecipient));
        // It ended before its scenario began.
        beds.pop();
        enrolment.begin(&*others);
        assert_eq!(reached(&others).await, Ok(2));
        for bed in &beds {
            let mut presence = lock(bed).take().expect("it was enrolled");
            assert!(presence.try_receive().is_some());
        }
        assert_eq!(reached(&others).await, Err(CoordinationError::NoRecipient));
        let late = enrolment.built(&*others, user(4));
        assert!(matches!(late, Presence::Awake(_)));
    }
}
