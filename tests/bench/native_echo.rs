//! What the user of `bench_ws_echo` does, as a bare loop over `tokio-tungstenite`: what lt-host is compared with.
//!
//! `native_echo URL SOCKETS SECONDS THREADS` prints messages and messages per second.

#![allow(
    clippy::disallowed_methods,
    reason = "a program of its own: it has nobody to take its arguments from"
)]

use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio_tungstenite::tungstenite::Message;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The text that goes to and fro, as long as that of the guest.
const TEXT: &str = "a line of a chat, as long as most";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, sockets, seconds, threads] = arguments.as_slice() else {
        return Err("usage: native_echo URL SOCKETS SECONDS THREADS".into());
    };
    let (sockets, threads): (usize, usize) = (sockets.parse()?, threads.parse()?);
    let time = Duration::from_secs(seconds.parse()?);
    let begun = Instant::now();
    let threads: Vec<_> = (0..threads)
        .map(|thread| {
            let own = (thread..sockets).step_by(threads).count();
            let url = url.clone();
            std::thread::spawn(move || {
                run_thread(&url, own, time).map_err(|error| error.to_string())
            })
        })
        .collect();
    let mut messages = 0;
    for thread in threads {
        messages += thread.join().map_err(|_| "a thread panicked")??;
    }
    let rate = messages as f64 / begun.elapsed().as_secs_f64();
    println!("messages {messages} rate {rate:.0}");
    Ok(())
}

/// One thread's sockets: how many messages came back.
fn run_thread(url: &str, sockets: usize, time: Duration) -> Outcome<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let url: Rc<str> = url.into();
    LocalSet::new().block_on(&runtime, async {
        let mut tasks = JoinSet::new();
        let end = tokio::time::Instant::now() + time;
        for _ in 0..sockets {
            let url = url.clone();
            tasks.spawn_local(async move {
                let echoed = echo(&url, end).await;
                echoed.map_err(|error| error.to_string())
            });
        }
        let mut messages = 0;
        while let Some(task) = tasks.join_next().await {
            messages += task??;
        }
        Ok(messages)
    })
}

async fn echo(url: &str, end: tokio::time::Instant) -> Outcome<u64> {
    let address = url
        .trim_start_matches("ws://")
        .split('/')
        .next()
        .ok_or("no host")?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    let mut messages = 0;
    while tokio::time::Instant::now() < end {
        socket.send(Message::text(TEXT)).await?;
        let answer = socket.next().await.ok_or("the server hung up")??;
        if answer.into_text()? != TEXT {
            return Err("another text came back".into());
        }
        messages += 1;
    }
    socket.close(None).await?;
    Ok(messages)
}
