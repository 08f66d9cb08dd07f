//! What is to be written to one socket: a bounded queue that anyone may add to, on any thread.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Waker};

pub(in crate::target) use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::target::lock;

/// Most messages that may wait for a client that does not take them: ten seconds of a hundred a second.
pub(super) const WAITING_MAX: usize = 1000;
/// Bytes beyond which no further message waits. What is sent to many lies in memory once, whoever it waits for.
pub(super) const WAITING_BYTES_MAX: usize = 16 << 20;
/// Messages beyond which nothing more is read from a client that does not take its answers.
const ENOUGH: usize = 64;
/// Bytes beyond which nothing more is read from it.
const ENOUGH_BYTES: usize = 1 << 20;
/// Places that an empty queue keeps: what a burst has needed beyond is given back.
const PLACES_KEPT: usize = 16;

/// The queue of one socket.
#[derive(Debug, Default)]
pub(in crate::target) struct Outbox {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    end: Option<End>,
    /// The socket's task, while it waits for something to write, or for the kernel to take more.
    waker: Option<Waker>,
    /// Whether it waits for the kernel: then it need not know of each message, but of the end.
    is_blocked: bool,
}

/// Why nothing may be added any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The socket is closed after what waits.
    Close(CloseCode, &'static str),
    /// The client did not take what was sent to it, and is dropped.
    TooSlow,
    /// The socket is gone.
    Gone,
}

/// What a socket's task is to do next.
#[derive(Debug)]
pub(super) enum Next {
    Send(Message),
    End(End),
    /// Nothing; it is woken when that changes.
    Wait,
}

impl Outbox {
    /// Have a message sent after those that wait. One for which there is no room ends the socket: whoever sends to many cannot
    /// wait for the slowest.
    pub(in crate::target) fn push(&self, message: Message) {
        let mut queue = lock(&self.queue);
        if queue.end.is_some() {
            return;
        }
        if queue.messages.len() >= WAITING_MAX || queue.bytes >= WAITING_BYTES_MAX {
            queue.clear();
            queue.end = Some(End::TooSlow);
        } else {
            queue.bytes += message.len();
            queue.messages.push_back(message);
            if queue.is_blocked {
                return;
            }
        }
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Have the socket closed after what waits.
    pub(in crate::target) fn close(&self, code: CloseCode, reason: &'static str) {
        let mut queue = lock(&self.queue);
        if queue.end.is_none() {
            queue.end = Some(End::Close(code, reason));
        }
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Take what comes next.
    pub(super) fn next(&self, context: &Context<'_>) -> Next {
        let mut queue = lock(&self.queue);
        queue.is_blocked = false;
        if let Some(message) = queue.messages.pop_front() {
            queue.bytes -= message.len();
            return Next::Send(message);
        }
        if queue.messages.capacity() > PLACES_KEPT {
            queue.messages = VecDeque::new();
        }
        if let Some(end) = queue.end {
            return Next::End(end);
        }
        queue.wake(context);
        Next::Wait
    }

    /// Whether so much waits that no more should be asked for.
    pub(super) fn has_enough(&self) -> bool {
        let queue = lock(&self.queue);
        queue.messages.len() >= ENOUGH || queue.bytes >= ENOUGH_BYTES
    }

    /// The kernel takes no more for now: wait for it, or for the client to be found too slow.
    pub(super) fn block(&self, context: &Context<'_>) {
        let mut queue = lock(&self.queue);
        queue.is_blocked = true;
        queue.wake(context);
    }

    /// Whether the client was found too slow: it is not waited for.
    pub(super) fn is_too_slow(&self) -> bool {
        lock(&self.queue).end == Some(End::TooSlow)
    }

    /// Nothing is sent any more: let go of what waits.
    pub(super) fn finish(&self) {
        let mut queue = lock(&self.queue);
        queue.clear();
        queue.end = Some(End::Gone);
        queue.waker = None;
    }
}

impl Queue {
    /// Wake this task when something changes.
    fn wake(&mut self, context: &Context<'_>) {
        let is_known = |waker: &Waker| waker.will_wake(context.waker());
        if !self.waker.as_ref().is_some_and(is_known) {
            self.waker = Some(context.waker().clone());
        }
    }

    fn clear(&mut self) {
        self.messages = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Wake;

    use super::*;

    #[test]
    fn a_queue_that_is_full_ends_its_socket_and_lets_go_of_what_waited() {
        let context = Context::from_waker(Waker::noop());
        let outbox = Outbox::default();
        for number in 0..WAITING_MAX {
            assert_eq!(outbox.has_enough(), number >= ENOUGH);
            outbox.push(Message::text("x"));
            outbox.block(&context);
            assert!(!outbox.is_too_slow(), "{number}");
        }
        outbox.push(Message::text("x"));
        assert!(outbox.is_too_slow());
        assert!(matches!(outbox.next(&context), Next::End(End::TooSlow)));
        outbox.push(Message::text("x"));
        assert!(matches!(outbox.next(&context), Next::End(End::TooSlow)));
    }

    #[test]
    fn one_large_message_may_wait_but_not_another_after_it() {
        let context = Context::from_waker(Waker::noop());
        let outbox = Outbox::default();
        outbox.push(Message::binary(vec![0; WAITING_BYTES_MAX]));
        outbox.block(&context);
        assert!(outbox.has_enough() && !outbox.is_too_slow());
        outbox.push(Message::text("x"));
        assert!(outbox.is_too_slow());
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Wakes(AtomicU64);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_that_is_blocked_is_woken_for_the_end_alone() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let context = Context::from_waker(&waker);
        let outbox = Outbox::default();
        assert!(matches!(outbox.next(&context), Next::Wait));
        outbox.push(Message::text("x"));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        outbox.block(&context);
        assert!(!outbox.is_too_slow());
        for _ in 1..WAITING_MAX {
            outbox.push(Message::text("x"));
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        outbox.push(Message::text("x"));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_close_comes_after_what_waits() {
        let outbox = Outbox::default();
        outbox.push(Message::text("last"));
        outbox.close(CloseCode::Away, "done");
        outbox.push(Message::text("too late"));
        let context = Context::from_waker(Waker::noop());
        assert!(matches!(outbox.next(&context), Next::Send(Message::Text(text)) if text == "last"));
        let end = End::Close(CloseCode::Away, "done");
        assert!(matches!(outbox.next(&context), Next::End(found) if found == end));
    }

    #[test]
    fn a_burst_leaves_no_memory_behind() {
        let outbox = Outbox::default();
        for _ in 0..WAITING_MAX {
            outbox.push(Message::text("x"));
        }
        let context = Context::from_waker(Waker::noop());
        while let Next::Send(_) = outbox.next(&context) {}
        assert_eq!(lock(&outbox.queue).messages.capacity(), 0);
    }
}
