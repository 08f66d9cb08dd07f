//! What is recorded of deliveries, whoever notes them: a scenario by a call, or a watch of the host.

use std::time::Duration;

use lt_coordination::{CoordinationError, Receipt};
use lt_metrics::{FailureClass, TagsId, builtin};
use tokio::time::Instant;

use crate::core::Core;
use crate::ctx::Identity;

/// Something was sent to so many; some have it already, after these times.
pub(crate) fn sent(core: &Core, tags: TagsId, recipients: u32, early: &[Duration]) {
    let mut recorder = core.recorder.borrow_mut();
    recorder.record(builtin::DELIVERY_SENT, tags, f64::from(recipients));
    for time in early {
        recorder.record(builtin::DELIVERY_RECEIVED, tags, 1.0);
        recorder.record_time(builtin::DELIVERY_TIME, tags, *time);
    }
}

/// This user has received something at this time. Returns the time to delivery where it is known at once.
///
/// # Errors
/// As [`lt_coordination::Coordination::mark_received`]; then nothing is recorded.
pub(crate) fn received(
    core: &Core,
    who: Identity,
    tags: TagsId,
    id: &str,
    at: Instant,
) -> Result<Option<Duration>, CoordinationError> {
    receive(core, who, tags, (id, at), true)
}

/// A watch of the host has found that this user has received something: nobody is there to be told of an error. What was kept for
/// the user by somebody on the way (`timed` is false) came, and its time says nothing.
pub(crate) fn found(
    core: &Core,
    who: Identity,
    tags: TagsId,
    receipt: (&str, Instant),
    timed: bool,
) -> Option<Duration> {
    match receive(core, who, tags, receipt, timed) {
        Ok(time) => time,
        // Nobody can have marked such an id as sent.
        Err(CoordinationError::TooLarge(_) | CoordinationError::InvalidValue(_)) => {
            let mut recorder = core.recorder.borrow_mut();
            recorder.record(builtin::DELIVERY_UNMATCHED, tags, 1.0);
            None
        }
        // Its delivery will count as lost, which is not the target's fault: it must be seen.
        Err(error) => {
            let text = format!("a delivery that a watch found was not counted: {error}");
            core.record_failure(tags, FailureClass::Failure, &text);
            None
        }
    }
}

fn receive(
    core: &Core,
    who: Identity,
    tags: TagsId,
    (id, at): (&str, Instant),
    timed: bool,
) -> Result<Option<Duration>, CoordinationError> {
    let coordination = &core.run.common.coordination;
    let receipt = coordination.mark_received(id, who.id.0, core.run.index, at)?;
    let mut recorder = core.recorder.borrow_mut();
    Ok(match receipt {
        Receipt::Delivered(time) => {
            recorder.record(builtin::DELIVERY_RECEIVED, tags, 1.0);
            if timed {
                recorder.record_time(builtin::DELIVERY_TIME, tags, time);
            }
            Some(time).filter(|_| timed)
        }
        Receipt::Duplicate => {
            recorder.record(builtin::DELIVERY_DUPLICATES, tags, 1.0);
            None
        }
        Receipt::Early | Receipt::Late | Receipt::Unexpected => None,
    })
}
