use std::sync::Arc;

use bytes::Bytes;
use lt_spec::limits::MESSAGE_BYTES_MAX;
use tokio::time::sleep;

use super::{local, ms, of, user};
use crate::{
    Coordination, CoordinationError, Group, Local, Meeting, MeetingPlan, MeetingSize, Population,
    Seat,
};

fn plan(size: MeetingSize) -> MeetingPlan {
    MeetingPlan {
        size,
        roles: Vec::new(),
    }
}

async fn meeting(local: &Arc<Local>, size: MeetingSize) -> Arc<dyn Meeting> {
    local.open_meeting("m", plan(size)).await.unwrap()
}

fn sit(meeting: &Arc<dyn Meeting>, id: u64) -> Box<dyn Seat> {
    meeting.queue(&user(id, ""), Bytes::new()).unwrap()
}

async fn settled(mut seat: Box<dyn Seat>) -> Result<Group, CoordinationError> {
    std::future::poll_fn(|cx| seat.poll_ready(cx)).await;
    let group = seat.take();
    assert_eq!(seat.take(), Err(CoordinationError::AlreadyFinished));
    assert!(!seat.give_up());
    group
}

#[tokio::test(start_paused = true)]
async fn those_who_meet_get_the_same_group() {
    let meeting = meeting(&local(), MeetingSize::Exactly(2)).await;
    let first = tokio::spawn(settled(sit(&meeting, 1)));
    sleep(ms(10)).await;
    assert!(!first.is_finished());
    let second = settled(sit(&meeting, 2)).await.unwrap();
    let first = first.await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first.members, &second.members));
    assert_eq!((first.position, second.position), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_is_dropped_leaves() {
    let meeting = meeting(&local(), MeetingSize::Exactly(2)).await;
    let mut early = sit(&meeting, 1);
    assert!(matches!(early.take(), Err(CoordinationError::Other(_))));
    drop(early);
    let waiting = tokio::spawn(settled(sit(&meeting, 2)));
    sleep(ms(10)).await;
    assert!(!waiting.is_finished());
    // The same user may sit down again.
    let group = settled(sit(&meeting, 1)).await.unwrap();
    assert_eq!(group.position, 1);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_user_who_ends_completes_a_meeting_of_all() {
    let local = local();
    let mut members: Vec<_> = (0..4).map(|id| local.enroll(user(id, ""))).collect();
    let meeting = meeting(&local, MeetingSize::All).await;
    let seats: Vec<_> = (0..3)
        .map(|id| tokio::spawn(settled(sit(&meeting, id))))
        .collect();
    sleep(ms(10)).await;
    assert!(seats.iter().all(|seat| !seat.is_finished()));
    members.pop();
    for seat in seats {
        assert_eq!(seat.await.unwrap().unwrap().members.len(), 3);
    }
    // One that ends while it sits there is not met, in whatever order it goes.
    let ending = sit(&meeting, 2);
    let waiting = tokio::spawn(settled(sit(&meeting, 0)));
    members.pop();
    let last = settled(sit(&meeting, 1)).await.unwrap();
    assert_eq!(last.members.len(), 2);
    assert_eq!(waiting.await.unwrap().unwrap().number, 1);
    assert!(settled(ending).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_user_built_anew_is_not_two() {
    let local = local();
    let old = local.enroll(user(0, ""));
    let _members = [local.enroll(user(0, "")), local.enroll(user(1, ""))];
    let meeting = meeting(&local, MeetingSize::All).await;
    let waiting = tokio::spawn(settled(sit(&meeting, 0)));
    sleep(ms(10)).await;
    // Its former self ends late: the new one waits on.
    drop(old);
    sleep(ms(10)).await;
    assert!(!waiting.is_finished());
    settled(sit(&meeting, 1)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().members.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_longest_ends_the_wait_for_all() {
    let local = local();
    let _members: Vec<_> = (0..9).map(|id| local.enroll(user(id, ""))).collect();
    let meeting = meeting(&local, MeetingSize::All).await;
    let mut first = sit(&meeting, 0);
    let second = tokio::spawn(settled(sit(&meeting, 1)));
    sleep(ms(10)).await;
    assert!(first.give_up());
    assert!(first.give_up());
    assert_eq!(settled(first).await.unwrap().members.len(), 2);
    assert_eq!(second.await.unwrap().unwrap().position, 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_waits() {
    let meeting = meeting(&local(), MeetingSize::Exactly(2)).await;
    let waiting = tokio::spawn(settled(sit(&meeting, 1)));
    sleep(ms(10)).await;
    meeting.reset();
    assert_eq!(waiting.await.unwrap(), Err(CoordinationError::Reset));
}

#[tokio::test(start_paused = true)]
async fn whoever_opens_it_again_names_the_same_plan() {
    let local = local();
    meeting(&local, MeetingSize::Exactly(2)).await;
    meeting(&local, MeetingSize::Exactly(2)).await;
    let refused = local
        .open_meeting("m", plan(MeetingSize::Exactly(3)))
        .await
        .err();
    let Some(CoordinationError::Conflict(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains("Exactly(2)") && text.contains("Exactly(3)"));
    let refused = local.open_meeting("", plan(MeetingSize::All)).await.err();
    assert!(matches!(refused, Some(CoordinationError::InvalidName(_))));
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_is_refused_and_what_comes_to_be_is_not() {
    let population = |users| Population {
        users,
        roles: Vec::new(),
    };
    let local = of(population(2));
    let three = plan(MeetingSize::Exactly(3));
    let refused = local.open_meeting("m", three.clone()).await.err();
    assert!(matches!(refused, Some(CoordinationError::Impossible(_))));
    local.set_population(population(3));
    let meeting = local.open_meeting("m", three).await.unwrap();
    let waiting = tokio::spawn(settled(sit(&meeting, 1)));
    sleep(ms(10)).await;
    local.set_population(population(2));
    assert!(matches!(
        waiting.await.unwrap(),
        Err(CoordinationError::Impossible(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn what_a_user_brings_is_bounded() {
    let meeting = meeting(&local(), MeetingSize::Exactly(1)).await;
    let bring = |bytes: usize| meeting.queue(&user(1, ""), Bytes::from(vec![7; bytes]));
    assert_eq!(
        bring(MESSAGE_BYTES_MAX + 1).err(),
        Some(CoordinationError::TooLarge(MESSAGE_BYTES_MAX as u64))
    );
    let group = settled(bring(MESSAGE_BYTES_MAX).unwrap()).await.unwrap();
    assert_eq!(group.members[0].data.len(), MESSAGE_BYTES_MAX);
}
