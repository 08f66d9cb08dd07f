//! Several runtimes on threads of their own, with real timers. Only numbers are asserted, no times.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{local, pass, user};
use crate::{Budget, Coordination, Local, MeetingPlan, MeetingSize, Recipient};

const THREADS: u64 = 4;
const USERS: u64 = 50;

/// Run this for each user, each thread's users on a runtime of its own.
fn everywhere<F>(local: &Arc<Local>, live: impl Fn(Arc<Local>, u64) -> F + Copy + Send + Sync)
where
    F: Future<Output = ()> + Send + 'static,
{
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let mut users = JoinSet::new();
                    for number in 0..USERS {
                        users.spawn(live(Arc::clone(local), thread * USERS + number));
                    }
                    users.join_all().await;
                });
            });
        }
    });
}

#[test]
fn a_rate_is_shared_and_nobody_is_forgotten() {
    static PASSED: AtomicUsize = AtomicUsize::new(0);
    everywhere(&local(), |local, _| async move {
        let throttle = local
            .open_throttle("t", Budget::Interarrival(Duration::from_micros(100)))
            .await
            .unwrap();
        for round in 0..10 {
            if round % 3 == 2 {
                // Some give up at once, also while they are first in the line.
                drop(throttle.queue().unwrap());
            }
            pass(&throttle).await;
            PASSED.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_eq!(PASSED.load(Ordering::SeqCst) as u64, THREADS * USERS * 10);
}

#[test]
fn runtimes_may_end_while_others_wait() {
    let local = local();
    let passed = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (local, passed) = (&local, &passed);
        for thread in 0..THREADS {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap();
                let throttle = runtime.block_on(async {
                    let budget = Budget::Interarrival(Duration::from_millis(1));
                    local.open_throttle("t", budget).await.unwrap()
                });
                // Users that are dropped with their runtime, while they wait.
                for _ in 0..USERS {
                    let throttle = Arc::clone(&throttle);
                    runtime.spawn(async move {
                        loop {
                            pass(&throttle).await;
                        }
                    });
                }
                runtime.block_on(async {
                    for _ in 0..=thread {
                        pass(&throttle).await;
                        passed.fetch_add(1, Ordering::SeqCst);
                    }
                });
            });
        }
    });
    // The threads end one after the other, the first while the users of all others wait.
    assert_eq!(passed.into_inner(), 1 + 2 + 3 + 4);
}

#[test]
fn places_are_shared_and_all_come_back() {
    static HELD: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let local = local();
    everywhere(&local, |local, _| async move {
        let throttle = local
            .open_throttle("t", Budget::Parallelism(3))
            .await
            .unwrap();
        for _ in 0..20 {
            pass(&throttle).await;
            MOST.fetch_max(HELD.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            HELD.fetch_sub(1, Ordering::SeqCst);
            throttle.release();
            // A turn that may be granted between the two.
            let turn = throttle.queue().unwrap();
            tokio::task::yield_now().await;
            drop(turn);
        }
    });
    assert!(MOST.load(Ordering::SeqCst) <= 3);
    let throttle = local.throttle("t").unwrap();
    let taken = std::iter::from_fn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let free = runtime.block_on(throttle.try_turn()).unwrap();
        free.filter(|holds_place| *holds_place)
    });
    assert_eq!(taken.take(10).count(), 3);
}

#[test]
fn pairs_meet_across_threads_and_pass_messages() {
    static PAIRED: AtomicUsize = AtomicUsize::new(0);
    static RECEIVED: AtomicUsize = AtomicUsize::new(0);
    everywhere(&local(), |local, id| async move {
        let mut membership = local.enroll(user(id, ""));
        let plan = MeetingPlan {
            size: MeetingSize::Exactly(2),
            roles: Vec::new(),
        };
        let meeting = local.open_meeting("pairs", plan).await.unwrap();
        let mut seat = meeting.queue(&user(id, ""), Bytes::new()).unwrap();
        std::future::poll_fn(|cx| seat.poll_ready(cx)).await;
        let group = seat.take().unwrap();
        PAIRED.fetch_add(1, Ordering::SeqCst);
        let other = &group.members[1 - group.position as usize];
        for number in 0..10u8 {
            let content = Bytes::from(vec![number]);
            local
                .send(id, Recipient::User(other.user.id), content)
                .await
                .unwrap();
        }
        for number in 0..10u8 {
            let ready = std::future::poll_fn(|cx| membership.poll_ready(cx));
            timeout(Duration::from_secs(60), ready).await.unwrap();
            let message = membership.try_receive().unwrap();
            assert_eq!(message.sender, other.user.id);
            assert_eq!(message.content[..], [number]);
            RECEIVED.fetch_add(1, Ordering::SeqCst);
        }
        // Stay until the other has written, or it would find nobody.
        let mut seat = meeting_of_two(&local, &group, id).await;
        std::future::poll_fn(|cx| seat.poll_ready(cx)).await;
        seat.take().unwrap();
    });
    assert_eq!(PAIRED.load(Ordering::SeqCst) as u64, THREADS * USERS);
    assert_eq!(RECEIVED.load(Ordering::SeqCst) as u64, THREADS * USERS * 10);
}

async fn meeting_of_two(local: &Arc<Local>, group: &crate::Group, id: u64) -> Box<dyn crate::Seat> {
    let plan = MeetingPlan {
        size: MeetingSize::Exactly(2),
        roles: Vec::new(),
    };
    let name = format!("end of {}", group.number);
    let meeting = local.open_meeting(&name, plan).await.unwrap();
    meeting.queue(&user(id, ""), Bytes::new()).unwrap()
}
