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
    assert_eq!(local.mark_sent(&long, 1, now), Err(large.clone()));
    assert_eq!(local.mark_received(&long, 1, now), Err(large));
    for refused in [
        local.mark_sent("", 1, now).err(),
        local.mark_sent("a", 0, now).err(),
        local.mark_received("", 1, now).err(),
    ] {
        assert!(matches!(refused, Some(CoordinationError::InvalidValue(_))));
    }
    assert_eq!(local.mark_sent(&long[1..], 1, now), Ok(vec![]));
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_summed_over_all_ids() {
    let local = local();
    let now = Instant::now();
    for number in 0..500 {
        let id = number.to_string();
        local.mark_sent(&id, 2, now).unwrap();
        assert_eq!(
            local.mark_received(&id, 1, now + ms(5)),
            Ok(Receipt::Delivered(ms(5)))
        );
        let stray = format!("stray {number}");
        local.mark_received(&stray, 1, now).unwrap();
        let early = format!("early {number}");
        local.mark_received(&early, 1, now).unwrap();
        local.mark_received(&early, 2, now).unwrap();
        assert_eq!(local.mark_sent(&early, 1, now), Ok(vec![Duration::ZERO]));
    }
    let found = local.outcomes(now + ms(59_999));
    let duplicates = DeliveryOutcomes {
        duplicates: 500,
        ..DeliveryOutcomes::default()
    };
    assert_eq!(found, duplicates);
    let overdue = DeliveryOutcomes {
        lost: 500,
        unmatched: 500,
        duplicates: 0,
    };
    assert_eq!(local.outcomes(now + ms(60_000)), overdue);
    local.mark_sent("last", 3, now).unwrap();
    assert_eq!(local.close().lost, 3);
    assert_eq!(local.close(), DeliveryOutcomes::default());
}
