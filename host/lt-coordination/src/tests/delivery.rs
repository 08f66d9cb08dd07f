use std::time::Duration;

use lt_spec::limits::DELIVERY_ID_BYTES_MAX;
use tokio::time::Instant;

use super::{local, ms};
use crate::{Coordination, CoordinationError, DeliveryOutcomes, Receipt};

#[tokio::test(start_paused = true)]
async fn ids_and_recipients_are_checked() {
    let local = local();
    let now = Instant::now();
    let long = "x".repeat(DELIVERY_ID_BYTES_MAX + 1);
    let large = CoordinationError::TooLarge(DELIVERY_ID_BYTES_MAX as u64);
    assert_eq!(local.mark_sent(&long, 1, 0, now), Err(large.clone()));
    assert_eq!(local.mark_received(&long, 1, 0, now), Err(large));
    for refused in [
        local.mark_sent("", 1, 0, now).err(),
        local.mark_sent("a", 0, 0, now).err(),
        local.mark_received("", 1, 0, now).err(),
    ] {
        assert!(matches!(refused, Some(CoordinationError::InvalidValue(_))));
    }
    assert_eq!(local.mark_sent(&long[1..], 1, 0, now), Ok(vec![]));
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_summed_over_all_ids() {
    let local = local();
    let now = Instant::now();
    for number in 0..500 {
        let id = number.to_string();
        local.mark_sent(&id, 2, 0, now).unwrap();
        assert_eq!(
            local.mark_received(&id, 1, 1, now + ms(5)),
            Ok(Receipt::Delivered(ms(5)))
        );
        let stray = format!("stray {number}");
        local.mark_received(&stray, 1, 1, now).unwrap();
        let early = format!("early {number}");
        local.mark_received(&early, 1, 1, now).unwrap();
        local.mark_received(&early, 2, 1, now).unwrap();
        assert_eq!(local.mark_sent(&early, 1, 0, now), Ok(vec![Duration::ZERO]));
    }
    let outcomes = |lost, unmatched, duplicates| DeliveryOutcomes {
        lost,
        excused: 0,
        unmatched,
        duplicates,
    };
    let found = local.outcomes(now + ms(59_999));
    assert_eq!(found, [(1, outcomes(0, 0, 500))]);
    let overdue = [(0, outcomes(500, 0, 0)), (1, outcomes(0, 500, 0))];
    assert_eq!(local.outcomes(now + ms(60_000)), overdue);
    local.mark_sent("last", 3, 7, now).unwrap();
    assert_eq!(local.close(), [(7, outcomes(3, 0, 0))]);
    assert_eq!(local.close(), []);
}
