//! Deadlines that cost no timer registration: one sleep per user, re-armed only when it fires.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// A user's sleep, kept between its exchanges. Registering a timer takes a lock and a walk through the wheel, at every
/// request; but deadlines only move later, so the sleep may stay where an earlier request put it. When it fires too early
/// it is moved to where it should be: at most once per timeout instead of once per request.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    spare: RefCell<Option<Pin<Box<Sleep>>>>,
}

impl Alarm {
    /// Wait for the future, at most until the deadline: `None` if that came first. Several may wait at the same time.
    pub(crate) fn within<'a, F: Future>(
        &'a self,
        deadline: Instant,
        future: Pin<&'a mut F>,
    ) -> Within<'a, F> {
        Within {
            alarm: self,
            deadline,
            sleep: None,
            future,
        }
    }

    fn take(&self, deadline: Instant) -> Pin<Box<Sleep>> {
        let Some(mut sleep) = self.spare.borrow_mut().take() else {
            return Box::pin(tokio::time::sleep_until(deadline));
        };
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep
    }
}

/// See [`Alarm::within`].
pub(crate) struct Within<'a, F> {
    alarm: &'a Alarm,
    deadline: Instant,
    /// Taken when the future first has to wait: one that is ready at once touches no timer at all.
    sleep: Option<Pin<Box<Sleep>>>,
    future: Pin<&'a mut F>,
}

impl<F: Future> Future for Within<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let (alarm, deadline) = (self.alarm, self.deadline);
        let sleep = self.sleep.get_or_insert_with(|| alarm.take(deadline));
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(None);
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl<F> Drop for Within<'_, F> {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            *self.alarm.spare.borrow_mut() = Some(sleep);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_future_is_given_its_time_and_no_more() {
        let alarm = Alarm::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(
            alarm.within(start + second, pin!(sleep(second / 2))).await,
            Some(())
        );
        // The sleep now stands at one second; this deadline is later.
        assert_eq!(
            alarm
                .within(start + 3 * second, pin!(pending::<()>()))
                .await,
            None
        );
        assert_eq!(start.elapsed(), 3 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_moves_the_sleep() {
        let alarm = Alarm::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(
            alarm.within(start + 60 * second, pin!(sleep(second))).await,
            Some(())
        );
        assert_eq!(
            alarm
                .within(start + 2 * second, pin!(pending::<()>()))
                .await,
            None
        );
        assert_eq!(start.elapsed(), 2 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn several_wait_at_the_same_time() {
        let alarm = Alarm::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let (mut late, mut early) = (pin!(pending::<()>()), pin!(pending::<()>()));
        let both = tokio::join!(alarm.within(start + 2 * second, late.as_mut()), async {
            (
                alarm.within(start + second, early.as_mut()).await,
                start.elapsed(),
            )
        });
        assert_eq!(both, (None, (None, second)));
        assert_eq!(start.elapsed(), 2 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_at_once_takes_no_timer() {
        let alarm = Alarm::default();
        assert_eq!(
            alarm.within(Instant::now(), pin!(async { 7 })).await,
            Some(7)
        );
        assert!(alarm.spare.borrow().is_none());
    }
}
