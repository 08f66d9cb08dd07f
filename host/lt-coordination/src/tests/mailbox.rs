use std::sync::Arc;

use bytes::Bytes;
use lt_spec::limits::{MAILBOX_MESSAGES_MAX, MESSAGE_BYTES_MAX};
use tokio::time::{Instant, sleep};

use super::{local, ms, user};
use crate::{Coordination, CoordinationError, Local, Membership, Recipient};

const TEXT: Bytes = Bytes::from_static(b"hello");

async fn send(local: &Arc<Local>, sender: u64, to: Recipient) -> Result<u32, CoordinationError> {
    local.send(sender, to, TEXT).await
}

fn any(role: &str) -> Recipient {
    Recipient::AnyOfRole(role.to_owned())
}

fn all(role: &str) -> Recipient {
    Recipient::AllOfRole(role.to_owned())
}

fn waiting(membership: &mut Box<dyn Membership>) -> usize {
    std::iter::from_fn(|| membership.try_receive()).count()
}

async fn fill(local: &Arc<Local>, id: u64) {
    for _ in 0..MAILBOX_MESSAGES_MAX {
        assert_eq!(send(local, 99, Recipient::User(id)).await, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_wakes_its_recipient_and_says_when_it_came() {
    let local = local();
    let mut membership = local.enroll(user(1, ""));
    let receiving = tokio::spawn(async move {
        std::future::poll_fn(|cx| membership.poll_ready(cx)).await;
        membership.try_receive().unwrap()
    });
    sleep(ms(10)).await;
    assert!(!receiving.is_finished());
    let sent = Instant::now();
    assert_eq!(send(&local, 7, Recipient::User(1)).await, Ok(1));
    let message = receiving.await.unwrap();
    assert_eq!(
        (message.sender, message.content, message.arrived),
        (7, TEXT, sent)
    );
}

#[tokio::test(start_paused = true)]
async fn only_those_who_run_are_found() {
    let local = local();
    assert_eq!(
        send(&local, 2, Recipient::User(1)).await,
        Err(CoordinationError::NoRecipient)
    );
    let membership = local.enroll(user(1, "a"));
    for to in [Recipient::User(1), any("a"), all("a")] {
        assert_eq!(send(&local, 2, to).await, Ok(1));
    }
    drop(membership);
    for to in [Recipient::User(1), any("a"), all("a"), any("b"), all("b")] {
        assert_eq!(
            send(&local, 2, to.clone()).await,
            Err(CoordinationError::NoRecipient),
            "{to:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn any_of_a_role_goes_round_without_the_sender_and_the_full() {
    let local = local();
    let mut users: Vec<_> = (0..5)
        .map(|id| local.enroll(user(id, if id == 4 { "b" } else { "a" })))
        .collect();
    for _ in 0..8 {
        assert_eq!(send(&local, 99, any("a")).await, Ok(1));
    }
    let found: Vec<_> = users.iter_mut().map(waiting).collect();
    assert_eq!(found, [2, 2, 2, 2, 0]);
    for _ in 0..6 {
        assert_eq!(send(&local, 1, any("a")).await, Ok(1));
    }
    let found: Vec<_> = users.iter_mut().map(waiting).collect();
    assert_eq!(found, [2, 0, 2, 2, 0]);
    fill(&local, 2).await;
    for _ in 0..6 {
        assert_eq!(send(&local, 99, any("a")).await, Ok(1));
    }
    let found: Vec<_> = users.iter_mut().map(waiting).collect();
    assert_eq!(found, [2, 2, MAILBOX_MESSAGES_MAX, 2, 0]);
    // The sender alone is nobody.
    assert_eq!(
        send(&local, 4, any("b")).await,
        Err(CoordinationError::NoRecipient)
    );
    fill(&local, 4).await;
    assert_eq!(
        send(&local, 0, any("b")).await,
        Err(CoordinationError::MailboxFull)
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_that_reads_nothing_is_not_searched_to_its_end() {
    let local = local();
    let mut users: Vec<_> = (0..70).map(|id| local.enroll(user(id, "a"))).collect();
    for id in 0..69 {
        fill(&local, id).await;
    }
    // Sixty-five are asked, then the rest.
    assert_eq!(
        send(&local, 99, any("a")).await,
        Err(CoordinationError::MailboxFull)
    );
    assert_eq!(send(&local, 99, any("a")).await, Ok(1));
    assert_eq!(users.last_mut().map(waiting), Some(1));
}

#[tokio::test(start_paused = true)]
async fn all_of_a_role_share_one_message() {
    let local = local();
    let mut users: Vec<_> = (0..4).map(|id| local.enroll(user(id, "a"))).collect();
    fill(&local, 3).await;
    assert_eq!(send(&local, 0, all("a")).await, Ok(2));
    assert!(users[0].try_receive().is_none());
    let first = users[1].try_receive().unwrap();
    let second = users[2].try_receive().unwrap();
    assert_eq!(first, second);
    assert_eq!(first.content.as_ptr(), second.content.as_ptr());
    drop(users.drain(1..3));
    assert_eq!(
        send(&local, 0, all("a")).await,
        Err(CoordinationError::MailboxFull)
    );
    drop(users.drain(1..));
    assert_eq!(
        send(&local, 0, all("a")).await,
        Err(CoordinationError::NoRecipient)
    );
}

#[tokio::test(start_paused = true)]
async fn mailboxes_and_messages_are_bounded_and_keep_their_order() {
    let local = local();
    let mut membership = local.enroll(user(1, ""));
    for number in 0..MAILBOX_MESSAGES_MAX {
        let content = Bytes::from(number.to_string());
        let sent = local.send(2, Recipient::User(1), content).await;
        assert_eq!(sent, Ok(1));
    }
    assert_eq!(
        send(&local, 2, Recipient::User(1)).await,
        Err(CoordinationError::MailboxFull)
    );
    for number in 0..MAILBOX_MESSAGES_MAX {
        let message = membership.try_receive().unwrap();
        assert_eq!(message.content, number.to_string());
    }
    assert!(membership.try_receive().is_none());
    let large = Bytes::from(vec![0; MESSAGE_BYTES_MAX + 1]);
    assert_eq!(
        local.send(2, Recipient::User(1), large).await,
        Err(CoordinationError::TooLarge(MESSAGE_BYTES_MAX as u64))
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_built_anew_replaces_its_former_self() {
    let local = local();
    let mut old = local.enroll(user(1, "a"));
    let mut new = local.enroll(user(1, "a"));
    assert_eq!(send(&local, 2, Recipient::User(1)).await, Ok(1));
    assert_eq!(send(&local, 2, all("a")).await, Ok(1));
    assert_eq!((waiting(&mut old), waiting(&mut new)), (0, 2));
    drop(old);
    assert_eq!(send(&local, 2, Recipient::User(1)).await, Ok(1));
    assert_eq!(send(&local, 2, any("a")).await, Ok(1));
    assert_eq!(waiting(&mut new), 2);
    drop(new);
    assert_eq!(
        send(&local, 2, Recipient::User(1)).await,
        Err(CoordinationError::NoRecipient)
    );
}

#[tokio::test(start_paused = true)]
async fn messages_that_nobody_reads_are_bounded_for_the_whole_run() {
    let options = crate::LocalOptions {
        seed: 1,
        delivery_timeout: ms(1000),
        population: crate::Population::default(),
    };
    let local = Local::with_bytes_max(options, 6000);
    let mut readers: Vec<_> = (0..10).map(|id| local.enroll(user(id, "r"))).collect();
    let content = Bytes::from(vec![7; 4000]);
    let full = Err(CoordinationError::MailboxFull);
    // Ten mailboxes share one content.
    assert_eq!(local.send(99, all("r"), content.clone()).await, Ok(10));
    assert_eq!(local.send(99, any("r"), content.clone()).await, full);
    // What meets weighs upon the same scales.
    let plan = crate::MeetingPlan {
        size: crate::MeetingSize::Exactly(2),
        roles: Vec::new(),
    };
    let meeting = local.open_meeting("m", plan).await.unwrap();
    let seat = meeting.queue(&user(1, "r"), content.clone());
    assert!(matches!(
        seat.err(),
        Some(CoordinationError::TooMany(text)) if text.contains("6000 bytes")
    ));
    // Read by some it is still there for others; read by all, there is room again.
    assert_eq!(readers.iter_mut().take(9).map(waiting).sum::<usize>(), 9);
    assert_eq!(local.send(99, any("r"), content.clone()).await, full);
    assert_eq!(readers.last_mut().map(waiting), Some(1));
    let seat = meeting.queue(&user(1, "r"), content.clone()).unwrap();
    assert_eq!(local.send(99, any("r"), content.clone()).await, full);
    drop(seat);
    assert_eq!(local.send(99, any("r"), content.clone()).await, Ok(1));
    assert_eq!(local.send(99, any("r"), content.clone()).await, full);
    // Who ends leaves nothing behind.
    drop(readers);
    let _reader = local.enroll(user(20, "r"));
    assert_eq!(local.send(99, any("r"), content).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn messages_without_content_weigh_too() {
    let options = crate::LocalOptions {
        seed: 1,
        delivery_timeout: ms(1000),
        population: crate::Population::default(),
    };
    let local = Local::with_bytes_max(options, 1000);
    let mut reader = local.enroll(user(1, ""));
    let mut sent = 0;
    while local
        .send(2, Recipient::User(1), Bytes::new())
        .await
        .is_ok()
    {
        sent += 1;
        assert!(sent <= 100);
    }
    assert!(sent > 0);
    assert_eq!(waiting(&mut reader), sent);
    assert_eq!(local.send(2, Recipient::User(1), Bytes::new()).await, Ok(1));
}
