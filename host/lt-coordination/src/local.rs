//! Coordination inside one process.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use lt_spec::limits::{
    COORDINATION_BYTES_MAX, COORDINATION_NAME_BYTES_MAX, COORDINATION_OBJECTS_MAX,
};
use tokio::time::Instant;

use crate::api::{
    Answer, Audience, Budget, Coordination, CoordinationError, DeliveryOutcomes, Meeting,
    MeetingPlan, Membership, Message, Population, Receipt, Recipient, Throttle, UserRef,
};
use crate::audience::Audiences;
use crate::delivery::Deliveries;
use crate::line::check;
use crate::mailbox::{Enrolled, PostOffice};
use crate::meeting::Meetings;
use crate::throttle::LocalThrottle;
use crate::weight::Scales;
use crate::{read, write};

/// What a run's coordination needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalOptions {
    /// The run's seed: sizes of groups are drawn from it.
    pub seed: u64,
    /// How long something sent may take to be received.
    pub delivery_timeout: Duration,
    /// How many users there may ever be at a time; without users nothing is known of them, and no meeting is impossible.
    pub population: Population,
}

/// Coordination of all users of this process: every answer is there at once.
///
/// Throttles, meetings and roles live as long as this does; the rest goes with whoever asked for it.
#[derive(Debug)]
pub struct Local {
    users: Arc<PostOffice>,
    throttles: RwLock<BTreeMap<String, LocalThrottle>>,
    meetings: Arc<Meetings>,
    deliveries: Arc<Deliveries>,
    audiences: Arc<Audiences>,
}

impl Local {
    /// Coordination in which nothing has happened yet.
    #[must_use]
    pub fn new(options: LocalOptions) -> Arc<Self> {
        Self::with_bytes_max(options, COORDINATION_BYTES_MAX)
    }

    pub(crate) fn with_bytes_max(options: LocalOptions, bytes_max: usize) -> Arc<Self> {
        let LocalOptions {
            seed,
            delivery_timeout,
            population,
        } = options;
        let scales = Scales::new(bytes_max);
        let users = Arc::new(PostOffice::new(scales.clone()));
        let deliveries = Arc::new(Deliveries::new(delivery_timeout));
        Arc::new(Self {
            meetings: Arc::new(Meetings::new(seed, Arc::clone(&users), population, scales)),
            users,
            throttles: RwLock::default(),
            audiences: Arc::new(Audiences::new(Arc::clone(&deliveries))),
            deliveries,
        })
    }

    /// The deliveries of the run.
    #[cfg(test)]
    pub(crate) fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    fn open(&self, name: &str, budget: Budget) -> Result<LocalThrottle, CoordinationError> {
        check_name(name)?;
        check(budget)?;
        if let Some(known) = read(&self.throttles).get(name) {
            return same(name, known, budget);
        }
        let mut throttles = write(&self.throttles);
        let objects = throttles.len();
        match throttles.entry(name.to_owned()) {
            Entry::Occupied(known) => same(name, known.get(), budget),
            Entry::Vacant(_) if objects >= COORDINATION_OBJECTS_MAX => {
                Err(CoordinationError::TooMany(format!(
                    "the run has {COORDINATION_OBJECTS_MAX} throttles already"
                )))
            }
            Entry::Vacant(free) => Ok(free.insert(LocalThrottle::new(budget)?).clone()),
        }
    }
}

impl Coordination for Local {
    fn enroll(&self, user: UserRef) -> Box<dyn Membership> {
        Box::new(LocalMembership {
            enrolled: self.users.enroll(user),
            users: Arc::clone(&self.users),
            meetings: Arc::clone(&self.meetings),
        })
    }

    fn set_population(&self, population: Population) {
        self.meetings.set_population(population);
    }

    fn open_throttle(&self, name: &str, budget: Budget) -> Answer<Arc<dyn Throttle>> {
        let opened = self.open(name, budget);
        now(opened.map(|throttle| Arc::new(throttle) as Arc<dyn Throttle>))
    }

    fn throttle(&self, name: &str) -> Option<Arc<dyn Throttle>> {
        let known = read(&self.throttles).get(name).cloned();
        known.map(|throttle| Arc::new(throttle) as Arc<dyn Throttle>)
    }

    fn throttle_names(&self) -> Vec<String> {
        read(&self.throttles).keys().cloned().collect()
    }

    fn open_meeting(&self, name: &str, plan: MeetingPlan) -> Answer<Arc<dyn Meeting>> {
        let opened = check_name(name).and_then(|()| self.meetings.open(name, plan));
        now(opened.map(|meeting| Arc::new(meeting) as Arc<dyn Meeting>))
    }

    fn open_audience(&self, name: &str) -> Result<Arc<dyn Audience>, CoordinationError> {
        check_name(name)?;
        Ok(Arc::new(self.audiences.open(name)?))
    }

    fn send(&self, sender: u64, to: Recipient, content: Bytes) -> Answer<u32> {
        now(self.users.send(sender, &to, content))
    }

    fn mark_sent(
        &self,
        id: &str,
        recipients: u32,
        scenario: u16,
        at: Instant,
    ) -> Result<Vec<Duration>, CoordinationError> {
        self.deliveries.sent(id, recipients, scenario, at)
    }

    fn mark_received(
        &self,
        id: &str,
        user: u64,
        scenario: u16,
        at: Instant,
    ) -> Result<Receipt, CoordinationError> {
        self.deliveries.received(id, user, scenario, at)
    }

    fn outcomes(&self, now: Instant) -> Vec<(u16, DeliveryOutcomes)> {
        self.deliveries.outcomes(now)
    }

    fn close(&self) -> Vec<(u16, DeliveryOutcomes)> {
        self.deliveries.close()
    }
}

/// A user that runs; others find it until this is dropped.
struct LocalMembership {
    enrolled: Enrolled,
    users: Arc<PostOffice>,
    meetings: Arc<Meetings>,
}

impl Membership for LocalMembership {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.enrolled.poll_ready(cx)
    }

    fn try_receive(&mut self) -> Option<Message> {
        self.enrolled.try_receive()
    }
}

impl Drop for LocalMembership {
    fn drop(&mut self) {
        if self.users.leave(&self.enrolled) {
            self.meetings.left(self.enrolled.id());
        }
    }
}

/// An answer that is there.
fn now<T: Send + 'static>(result: Result<T, CoordinationError>) -> Answer<T> {
    Box::pin(std::future::ready(result))
}

fn check_name(name: &str) -> Result<(), CoordinationError> {
    let invalid = |text: String| Err(CoordinationError::InvalidName(text));
    if name.is_empty() {
        return invalid("the name is empty".to_owned());
    }
    if name.len() > COORDINATION_NAME_BYTES_MAX {
        return invalid(format!(
            "the name is longer than {COORDINATION_NAME_BYTES_MAX} bytes"
        ));
    }
    Ok(())
}

fn same(
    name: &str,
    known: &LocalThrottle,
    budget: Budget,
) -> Result<LocalThrottle, CoordinationError> {
    let original = known.original();
    if original == budget {
        return Ok(known.clone());
    }
    Err(CoordinationError::Conflict(format!(
        "throttle {name:?} was opened with {original:?}, not {budget:?}"
    )))
}
