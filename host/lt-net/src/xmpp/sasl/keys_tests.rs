//! Tests of deriving and keeping keys.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::*;

fn derivation(password: &str, salt: &[u8], rounds: u32) -> Derivation {
    Derivation::new(
        Hash::Sha1,
        password.to_owned(),
        salt.to_vec(),
        rounds.try_into().unwrap(),
    )
}

fn poll(future: Pin<&mut impl Future<Output = Keys>>) -> Poll<Keys> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Whether a future is done the first time that it is asked.
fn is_done_at_once(future: impl Future<Output = Keys>) -> bool {
    poll(pin!(future)).is_ready()
}

#[tokio::test]
async fn many_are_derived_at_a_time() {
    let workshop = Workshop::start(2);
    let all =
        (0..20).map(|number| workshop.derive(derivation(&format!("pw{number}"), b"salt", 5000)));
    let all = futures_util::future::join_all(all).await;
    for (number, keys) in all.iter().enumerate() {
        let alone = derivation(&format!("pw{number}"), b"salt", 5000).run();
        assert_eq!(*keys.0, *alone.0, "{number}");
        assert_eq!((keys.client().len(), keys.server().len()), (20, 20));
    }
}

#[tokio::test]
async fn what_is_known_or_short_is_had_at_once() {
    let workshop = Workshop::start(1);
    let long = || workshop.derive(derivation("pw", b"salt", 5000));
    let first = long().await;
    assert!(is_done_at_once(long()));
    assert_eq!(*long().await.0, *first.0);
    let short = derivation("pw", b"salt", ROUNDS_ON_THE_SPOT_MAX);
    assert!(is_done_at_once(workshop.derive(short)));
}

#[test]
fn what_takes_long_is_ordered_and_not_done_here() {
    let (orders, inbox) = mpsc::channel();
    let workshop = Workshop {
        orders,
        kept: Arc::default(),
    };
    let longer = workshop.derive(derivation("pw", b"salt", ROUNDS_ON_THE_SPOT_MAX + 1));
    let mut longer = pin!(longer);
    assert!(poll(longer.as_mut()).is_pending());
    let order = inbox.try_recv().unwrap();
    assert!(!order.customer.is_closed());
    // If the thread is lost with the order, somebody has to do it.
    drop(order);
    assert!(poll(longer.as_mut()).is_ready());
}

#[test]
fn without_threads_it_is_done_on_the_spot() {
    let workshop = Workshop::start(0);
    assert!(is_done_at_once(
        workshop.derive(derivation("pw", b"salt", 5000))
    ));
}

#[tokio::test]
async fn the_process_has_one_workshop() {
    let own = || derivation("only this test has this", b"salt", 5000);
    let keys = derive(own()).await;
    assert!(is_done_at_once(derive(own())));
    assert_eq!(*keys.0, *own().run().0);
}

#[test]
fn nobody_is_derived_for_who_gave_up() {
    let (orders, inbox) = mpsc::channel();
    let kept = Mutex::<Kept>::default();
    let mut answers = Vec::new();
    for password in ["gave up", "waits"] {
        let derivation = Arc::new(derivation(password, b"salt", 1));
        let (customer, answer) = oneshot::channel();
        let order = Order {
            fingerprint: derivation.fingerprint(),
            derivation,
            customer,
        };
        orders.send(order).unwrap();
        answers.push(answer);
    }
    answers.remove(0);
    drop(orders);
    work(&Mutex::new(inbox), &kept);
    let keys = answers[0].try_recv().unwrap();
    let waits = derivation("waits", b"salt", 1);
    assert_eq!(*keys.0, *waits.run().0);
    let known = |derivation: Derivation| lock(&kept).get(&derivation.fingerprint()).is_some();
    assert!(known(waits));
    assert!(!known(derivation("gave up", b"salt", 1)));
}

#[test]
fn keys_are_found_under_all_that_they_came_from() {
    let base = derivation("pw", b"salt", 10).fingerprint();
    assert_eq!(base, derivation("pw", b"salt", 10).fingerprint());
    let mut other_hash = derivation("pw", b"salt", 10);
    other_hash.hash = Hash::Sha256;
    for other in [
        other_hash,
        derivation("pw", b"salt", 11),
        derivation("pw2", b"salt", 10),
        derivation("pw", b"salt2", 10),
        derivation("tpw", b"sal", 10),
        derivation("w", b"saltp", 10),
    ] {
        assert_ne!(base, other.fingerprint());
    }
}

#[test]
fn what_is_kept_is_bounded_and_what_is_used_stays() {
    let keys = derivation("pw", b"salt", 1).run();
    let name = |number: usize| {
        let mut fingerprint = Fingerprint::default();
        fingerprint[..8].copy_from_slice(&number.to_be_bytes());
        fingerprint
    };
    let mut kept = Kept::default();
    for number in 0..2 * KEPT_MAX {
        kept.insert(name(number), keys.clone());
        assert!(kept.younger.len() + kept.older.len() <= KEPT_MAX);
        // In use all the time.
        assert!(kept.get(&name(0)).is_some(), "{number}");
    }
    assert!(kept.get(&name(1)).is_none());
    assert!(kept.get(&name(2 * KEPT_MAX - 1)).is_some());
    assert!(kept.get(&name(2 * KEPT_MAX - KEPT_MAX / 4)).is_some());
}

#[test]
fn no_password_is_written_anywhere() {
    let text = format!("{:?}", derivation("secret", b"salt", 7));
    assert!(text.contains('7') && !text.contains("secret"), "{text}");
}
