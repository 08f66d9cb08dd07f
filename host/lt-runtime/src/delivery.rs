//! What is recorded of deliveries, whoever notes them: a scenario by a call, or a watch of the host.

use std::time::Duration;

use lt_coordination::{CoordinationError, Receipt};
use lt_metrics::{TagsId, builtin};
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
    let coordination = &core.run.common.coordination;
    let receipt = coordination.mark_received(id, who.id.0, core.run.index, at)?;
    let mut recorder = core.recorder.borrow_mut();
    Ok(match receipt {
        Receipt::Delivered(time) => {
            recorder.record(builtin::DELIVERY_RECEIVED, tags, 1.0);
            recorder.record_time(builtin::DELIVERY_TIME, tags, time);
            Some(time)
        }
        Receipt::Duplicate => {
            recorder.record(builtin::DELIVERY_DUPLICATES, tags, 1.0);
            None
        }
        Receipt::Early | Receipt::Late | Receipt::Unexpected => None,
    })
}
