use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use lt_spec::limits::COORDINATION_OBJECTS_MAX;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep, timeout};

use super::{has_come, local, ms, pass, rate, ready, throttle};
use crate::{Budget, Coordination, CoordinationError, MeetingPlan, MeetingSize, Transition};

#[tokio::test(start_paused = true)]
async fn five_thousand_a_second_are_five_thousand_a_second() {
    let throttle = throttle(rate(5000, ms(1000))).await;
    let began = Instant::now();
    let mut users = JoinSet::new();
    for _ in 0..100 {
        let throttle = Arc::clone(&throttle);
        users.spawn(async move {
            let mut passed = 0usize;
            while timeout(ms(10_000).saturating_sub(began.elapsed()), pass(&throttle))
                .await
                .is_ok()
            {
                passed += 1;
            }
            passed
        });
    }
    let passed = users.join_all().await;
    let sum: usize = passed.iter().sum();
    assert!((49_990..=50_001).contains(&sum), "{sum} turns");
    let (least, most) = (passed.iter().min(), passed.iter().max());
    assert!(
        most.unwrap() - least.unwrap() <= 1,
        "from {least:?} to {most:?} turns"
    );
}

#[tokio::test(start_paused = true)]
async fn turns_come_in_the_order_of_the_queue_and_evenly() {
    let throttle = throttle(Budget::Interarrival(ms(20))).await;
    let began = Instant::now();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut users = JoinSet::new();
    for number in 0..50u64 {
        let mut turn = throttle.queue().unwrap();
        let order = Arc::clone(&order);
        users.spawn(async move {
            ready(&mut turn).await;
            turn.take().unwrap();
            assert_eq!(turn.take(), Err(CoordinationError::AlreadyFinished));
            order.lock().unwrap().push((number, began.elapsed()));
        });
    }
    users.join_all().await;
    let expected: Vec<_> = (0..50).map(|it| (it, ms(it * 20))).collect();
    assert_eq!(*order.lock().unwrap(), expected);
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn each_is_woken_once_and_only_for_its_own_turn() {
    let throttle = throttle(Budget::Interarrival(ms(10))).await;
    pass(&throttle).await;
    let counts: Vec<_> = (0..100).map(|_| Arc::new(Count::default())).collect();
    let mut turns: Vec<_> = counts
        .iter()
        .map(|count| {
            let waker = Waker::from(Arc::clone(count));
            let mut turn = throttle.queue().unwrap();
            let polled = turn.poll_ready(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            turn
        })
        .collect();
    let woken = || -> Vec<_> {
        counts
            .iter()
            .map(|it| it.0.load(Ordering::SeqCst))
            .collect()
    };
    for granted in 1..=100 {
        // Nobody polls: the timer does it all.
        sleep(ms(10)).await;
        let woken = woken();
        assert!(woken[..granted].iter().all(|&times| times == 1));
        assert!(woken[granted..].iter().all(|&times| times == 0));
    }
    assert!(turns.iter_mut().all(has_come));
}

#[tokio::test(start_paused = true)]
async fn one_who_does_not_look_holds_nobody_up() {
    let throttle = throttle(Budget::Interarrival(ms(10))).await;
    pass(&throttle).await;
    let mut first = throttle.queue().unwrap();
    let began = Instant::now();
    pass(&throttle).await;
    assert_eq!(began.elapsed(), ms(20));
    assert_eq!(first.take(), Ok(false));
}

#[tokio::test(start_paused = true)]
async fn the_first_hands_its_duty_over_when_it_leaves() {
    let throttle = throttle(Budget::Interarrival(ms(10))).await;
    pass(&throttle).await;
    let began = Instant::now();
    let first = throttle.queue().unwrap();
    let waiting = tokio::spawn({
        let throttle = Arc::clone(&throttle);
        async move { pass(&throttle).await }
    });
    sleep(ms(5)).await;
    drop(first);
    waiting.await.unwrap();
    assert_eq!(began.elapsed(), ms(10));
}

#[tokio::test(start_paused = true)]
async fn a_turn_taken_too_soon_is_still_there() {
    let throttle = throttle(Budget::Interarrival(ms(10))).await;
    pass(&throttle).await;
    let mut turn = throttle.queue().unwrap();
    assert!(matches!(turn.take(), Err(CoordinationError::Other(_))));
    ready(&mut turn).await;
    assert_eq!(turn.take(), Ok(false));
}

#[tokio::test(start_paused = true)]
async fn a_try_takes_a_turn_only_if_nobody_waits() {
    let throttle = throttle(Budget::Interarrival(ms(10))).await;
    assert_eq!(throttle.try_turn().await, Ok(Some(false)));
    assert_eq!(throttle.try_turn().await, Ok(None));
    let mut turn = throttle.queue().unwrap();
    advance(ms(15)).await;
    assert_eq!(throttle.try_turn().await, Ok(None));
    assert!(has_come(&mut turn));
    advance(ms(15)).await;
    assert_eq!(throttle.try_turn().await, Ok(Some(false)));
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_places_are_held_at_a_time() {
    let throttle = throttle(Budget::Parallelism(3)).await;
    let (held, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let mut users = JoinSet::new();
    for _ in 0..30 {
        let (throttle, held, most) = (throttle.clone(), held.clone(), most.clone());
        users.spawn(async move {
            pass(&throttle).await;
            most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(ms(100)).await;
            held.fetch_sub(1, Ordering::SeqCst);
            throttle.release();
        });
    }
    users.join_all().await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(began.elapsed(), ms(1000));
    for free in [Some(true), Some(true), Some(true), None] {
        assert_eq!(throttle.try_turn().await, Ok(free));
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_says_itself_whether_it_holds_a_place() {
    let throttle = throttle(Budget::Parallelism(1)).await;
    let answer = throttle.try_turn();
    // The budget is another before the answer is read: the place is held all the same, and given back.
    throttle.change(Budget::Unlimited).unwrap();
    assert_eq!(answer.await, Ok(Some(true)));
    assert_eq!(throttle.try_turn().await, Ok(Some(false)));
    throttle.change(Budget::Parallelism(1)).unwrap();
    assert_eq!(throttle.try_turn().await, Ok(None));
    throttle.release();
    assert_eq!(throttle.try_turn().await, Ok(Some(true)));
}

#[tokio::test(start_paused = true)]
async fn a_place_granted_and_dropped_is_given_back() {
    let throttle = throttle(Budget::Parallelism(1)).await;
    drop(throttle.queue().unwrap());
    pass(&throttle).await;
    let unseen = throttle.queue().unwrap();
    let seen = throttle.queue().unwrap();
    let mut last = throttle.queue().unwrap();
    throttle.release();
    drop(unseen);
    let mut seen = seen;
    assert!(has_come(&mut seen));
    assert!(!has_come(&mut last));
    drop(seen);
    assert!(has_come(&mut last));
    last.take().unwrap();
    // Dropping a turn that was taken gives nothing back.
    drop(last);
    assert_eq!(throttle.try_turn().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_hears_of_every_change() {
    let day = Duration::from_secs(86_400);
    let throttle = throttle(Budget::Interarrival(day)).await;
    pass(&throttle).await;
    let spawn = || {
        let throttle = Arc::clone(&throttle);
        tokio::spawn(async move { pass(&throttle).await })
    };
    let began = Instant::now();
    let (first, second, third) = (spawn(), spawn(), spawn());
    sleep(ms(10)).await;
    throttle.change(Budget::Interarrival(ms(50))).unwrap();
    first.await.unwrap();
    // The part of a day that has passed is next to nothing.
    assert_eq!(began.elapsed(), ms(60));
    throttle.pause();
    assert_eq!(throttle.budget(), None);
    sleep(day).await;
    assert!(!second.is_finished());
    let resumed = Instant::now();
    throttle.resume();
    second.await.unwrap();
    assert_eq!(resumed.elapsed(), ms(50));
    throttle.pause();
    throttle.unlock();
    third.await.unwrap();
    assert_eq!(resumed.elapsed(), ms(50));
    assert_eq!(throttle.budget(), Some(Budget::Unlimited));
    pass(&throttle).await;
}

#[tokio::test(start_paused = true)]
async fn a_gradual_change_reaches_those_who_wait() {
    let throttle = throttle(Budget::Interarrival(Duration::from_secs(1000))).await;
    pass(&throttle).await;
    let target = rate(1000, ms(1000));
    let began = Instant::now();
    throttle
        .change_gradually(target, Transition::Over(ms(10_000)))
        .unwrap();
    let mut passed = 0.0;
    while timeout(ms(20_000).saturating_sub(began.elapsed()), pass(&throttle))
        .await
        .is_ok()
    {
        passed += 1.0;
    }
    // A slope of 10 s, half a step less, and 10 s of the target. One user passes at most once a millisecond.
    let intended = 1000.0 * 14.95;
    assert!(
        passed <= intended + 2.0 && passed > 0.9 * intended,
        "{passed} turns, not {intended}"
    );
    assert_eq!(throttle.budget(), Some(target));
}

#[tokio::test(start_paused = true)]
async fn a_throttle_keeps_its_first_budget_as_its_name() {
    let local = local();
    let ten = rate(10, ms(1000));
    let first = local.open_throttle("b", ten).await.unwrap();
    local.open_throttle("a", Budget::Unlimited).await.unwrap();
    first.change(rate(20, ms(1000))).unwrap();
    let again = local.open_throttle("b", ten).await.unwrap();
    assert_eq!(again.budget(), Some(rate(20, ms(1000))));
    for other in [rate(20, ms(1000)), Budget::Interarrival(ms(100))] {
        let refused = local.open_throttle("b", other).await.err().unwrap();
        let CoordinationError::Conflict(text) = &refused else {
            panic!("{refused:?}");
        };
        assert!(text.contains(&format!("{ten:?}")), "{text}");
        assert!(text.contains(&format!("{other:?}")), "{text}");
    }
    assert_eq!(local.throttle_names(), ["a", "b"]);
    assert!(local.throttle("c").is_none());
    local.throttle("b").unwrap().pause();
    assert_eq!(again.budget(), None);
}

#[tokio::test(start_paused = true)]
async fn names_and_budgets_are_checked() {
    let local = local();
    let long = "x".repeat(129);
    for name in ["", &long] {
        let refused = local.open_throttle(name, Budget::Unlimited).await.err();
        assert!(matches!(refused, Some(CoordinationError::InvalidName(_))));
    }
    let refused = local.open_throttle("t", rate(0, ms(1))).await.err();
    assert!(matches!(refused, Some(CoordinationError::InvalidValue(_))));
    assert!(local.throttle_names().is_empty());
    local
        .open_throttle(&"x".repeat(128), Budget::Unlimited)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn throttles_and_meetings_are_bounded() {
    let local = local();
    let plan = MeetingPlan {
        size: MeetingSize::Exactly(2),
        roles: Vec::new(),
    };
    for number in 0..COORDINATION_OBJECTS_MAX {
        let name = number.to_string();
        local.open_throttle(&name, Budget::Unlimited).await.unwrap();
        local.open_meeting(&name, plan.clone()).await.unwrap();
    }
    let throttle = local.open_throttle("t", Budget::Unlimited).await.err();
    let meeting = local.open_meeting("m", plan.clone()).await.err();
    for refused in [throttle, meeting] {
        assert!(matches!(refused, Some(CoordinationError::TooMany(_))));
    }
    local.open_throttle("7", Budget::Unlimited).await.unwrap();
    local.open_meeting("7", plan).await.unwrap();
}

#[test]
fn a_turn_queued_outside_a_runtime_finds_one_when_it_is_polled() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let throttle = runtime.block_on(throttle(Budget::Interarrival(ms(10))));
    let mut first = throttle.queue().unwrap();
    assert_eq!(first.take(), Ok(false));
    let mut second = throttle.queue().unwrap();
    runtime.block_on(ready(&mut second));
    assert_eq!(second.take(), Ok(false));
}
