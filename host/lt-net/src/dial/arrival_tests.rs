use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;

use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::*;
use crate::dial::tcp::{Counters, Wire, connect};

async fn stamped() -> (Wire, Rc<Counters>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wire = connect(&[listener.local_addr().unwrap()], None)
        .await
        .unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    peer.set_nodelay(true).unwrap();
    wire.stamp_arrivals();
    let counters = wire.counters().clone();
    (wire, counters, peer)
}

/// The kernel begins to stamp a moment after it was first asked to, on another thread: until then bytes have no stamp.
async fn until_stamped(wire: &mut Wire, peer: &mut TcpStream) {
    for _ in 0..1000 {
        peer.write_all(b"x").await.unwrap();
        let written = Instant::now();
        // Spend time for real, so that a stamp can be told from the time of the read.
        while written.elapsed() < Duration::from_millis(1) {
            std::hint::spin_loop();
        }
        wire.read_u8().await.unwrap();
        if wire.counters().arrived() < written + Duration::from_micros(500) {
            return;
        }
    }
    panic!("no stamp in a thousand reads");
}

#[tokio::test]
async fn bytes_that_lay_in_the_kernel_are_stamped_when_they_came() {
    let (mut wire, counters, mut peer) = stamped().await;
    until_stamped(&mut wire, &mut peer).await;
    let before = Instant::now();
    peer.write_all(b"hello").await.unwrap();
    let written = Instant::now();
    while written.elapsed() < Duration::from_millis(20) {
        std::hint::spin_loop();
    }
    let read_from = Instant::now();
    wire.read_exact(&mut [0; 5]).await.unwrap();
    let arrived = counters.arrived();
    assert!(before <= arrived, "not before it was sent");
    assert!(
        arrived < read_from,
        "arrived {:?} after it was written, read after {:?}",
        arrived.duration_since(written),
        read_from.duration_since(written)
    );
}

#[tokio::test]
async fn stamps_never_run_backwards_and_never_ahead() {
    let (mut wire, counters, mut peer) = stamped().await;
    let mut latest = counters.arrived();
    for round in 0..200_usize {
        peer.write_all(&[7; 300]).await.unwrap();
        let mut left = 300;
        // Reads smaller and larger than what is there.
        let mut buffer = vec![0; 1 + round * 7 % 400];
        while left > 0 {
            let room = buffer.len().min(left);
            left -= wire.read(&mut buffer[..room]).await.unwrap();
            let arrived = counters.arrived();
            assert!(latest <= arrived && arrived <= Instant::now());
            latest = arrived;
        }
    }
    assert_eq!(counters.received.get(), 200 * 300);
}

/// Every kind of read ends in a wait that the next bytes, or the end, end again.
#[tokio::test]
async fn reading_waits_and_wakes_as_without_stamps() {
    for size in [1, 5, 6, 64] {
        let (mut wire, counters, mut peer) = stamped().await;
        let reader = async {
            let mut all = Vec::new();
            let mut buffer = vec![0; size];
            loop {
                match wire.read(&mut buffer).await.unwrap() {
                    0 => return all,
                    length => all.extend_from_slice(&buffer[..length]),
                }
            }
        };
        let writer = async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
                peer.write_all(b"hello").await.unwrap();
            }
            // The last bytes and the end at once: the end must not get lost behind a short read.
            peer.write_all(b"!").await.unwrap();
            drop(peer);
        };
        let (all, ()) = tokio::join!(reader, writer);
        assert_eq!(all, [b"hello".repeat(50), b"!".to_vec()].concat());
        assert_eq!(counters.received.get(), all.len() as u64);
    }
}

#[tokio::test]
async fn a_reset_is_an_error() {
    let (mut wire, _, peer) = stamped().await;
    peer.set_zero_linger().unwrap();
    drop(peer);
    let error = wire.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_empty_buffer_is_full_at_once_and_an_empty_socket_waits() {
    let (mut wire, _, mut peer) = stamped().await;
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut one = [0; 1];
    let pending = Pin::new(&mut wire).poll_read(&mut cx, &mut ReadBuf::new(&mut one));
    assert!(pending.is_pending());
    peer.write_all(b"ab").await.unwrap();
    let read = poll_fn(|cx| Pin::new(&mut wire).poll_read(cx, &mut ReadBuf::new(&mut [])));
    read.await.unwrap();
    assert_eq!(wire.read_u8().await.unwrap(), b'a');
    assert_eq!(wire.read_u8().await.unwrap(), b'b');
}

#[tokio::test]
async fn without_stamps_bytes_came_just_now() {
    let before = Instant::now();
    let arrived = Counters::default().arrived();
    assert!(before <= arrived && arrived <= Instant::now());
}
