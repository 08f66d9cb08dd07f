//! The WASI that a Rust guest's standard library needs, with everything denied: no files, no sockets, no environment,
//! no arguments, no standard input. Standard output and error go to the log, line by line. Random numbers derive from the
//! user's seed, so that a run can be repeated.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lt_spec::limits::{LOG_LINE_BYTES_MAX, USER_LOG_LINES_PER_SECOND};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::ctx::UserCtx;

/// Bytes a guest may write at once. Its libc splits longer writes.
const WRITE_BYTES_MAX: usize = 64 << 10;

impl WasiView for UserCtx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// All of WASI 0.2 by name, so that any Rust guest links; what the context grants is another matter.
pub(crate) fn add_to_linker(linker: &mut Linker<UserCtx>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// A context that denies everything, and the buffer that holds the guest's last words.
pub(crate) fn deny_all(user: u64, seed: u64) -> (WasiCtx, LastWords) {
    let words = LastWords::default();
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(LogStream { user, stderr: None })
        .stderr(LogStream {
            user,
            stderr: Some(words.clone()),
        })
        .secure_random(SmallRng::seed_from_u64(seed))
        .insecure_random(SmallRng::seed_from_u64(seed.wrapping_add(1)))
        .insecure_random_seed(u128::from(seed));
    (builder.build(), words)
}

/// The last line a guest wrote to its standard error: what a panic said before the trap. Empty until something is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastWords(Arc<Mutex<String>>);

impl LastWords {
    /// Take them.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, line: &str) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A Rust panic is "thread … panicked at file:line:", its message, then a note on backtraces: keep the first two.
        if line.starts_with("note: ") {
            return;
        }
        if line.contains("panicked at") || words.len() + line.len() > LOG_LINE_BYTES_MAX {
            words.clear();
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(line);
    }
}

/// A guest's standard output or error.
#[derive(Clone)]
struct LogStream {
    user: u64,
    stderr: Option<LastWords>,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, and that is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        // The stock stream spawns a task each: two hundred thousand tasks for a hundred thousand users.
        Box::new(LineWriter {
            stream: self.clone(),
            line: Vec::new(),
            lines: 0,
        })
    }
}

/// Splits what a guest writes into log lines.
struct LineWriter {
    stream: LogStream,
    line: Vec<u8>,
    lines: u32,
}

impl LineWriter {
    fn end_line(&mut self) {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        let user = self.stream.user;
        if let Some(words) = &self.stream.stderr {
            words.add(&text);
        }
        self.lines = self.lines.saturating_add(1);
        // A chatty guest must not fill the log: the first lines of each stream, then every thousandth.
        if self.lines > USER_LOG_LINES_PER_SECOND && !self.lines.is_multiple_of(1000) {
            return;
        }
        if self.stream.stderr.is_some() {
            tracing::warn!(target: "guest", user, "{text}");
        } else {
            tracing::info!(target: "guest", user, "{text}");
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineWriter {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for LineWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = LOG_LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.line
                .extend_from_slice(text.get(..room.min(text.len())).unwrap_or(text));
            if ends {
                self.end_line();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> (LineWriter, LastWords) {
        let words = LastWords::default();
        let stream = LogStream {
            user: 1,
            stderr: Some(words.clone()),
        };
        (
            LineWriter {
                stream,
                line: Vec::new(),
                lines: 0,
            },
            words,
        )
    }

    #[test]
    fn a_panic_is_remembered_without_the_note() {
        let (mut writer, words) = writer();
        let text = "warming up\n\nthread 'main' panicked at src/lib.rs:3:5:\nno such item\nnote: run with …\n";
        for piece in text.as_bytes().chunks(7) {
            writer.write(Bytes::copy_from_slice(piece)).unwrap();
        }
        assert_eq!(
            words.take(),
            "thread 'main' panicked at src/lib.rs:3:5: no such item"
        );
        assert_eq!(words.take(), "");
    }

    #[test]
    fn a_chatty_guests_panic_is_remembered_all_the_same() {
        let (mut writer, words) = writer();
        for _ in 0..1000 {
            writer.write(Bytes::from_static(b"all is well\n")).unwrap();
        }
        writer
            .write(Bytes::from_static(b"thread 'main' panicked at a:1:\noh\n"))
            .unwrap();
        assert_eq!(words.take(), "thread 'main' panicked at a:1: oh");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (mut writer, _) = writer();
        for _ in 0..100 {
            writer.write(Bytes::from(vec![b'x'; 1000])).unwrap();
        }
        assert_eq!(writer.line.len(), LOG_LINE_BYTES_MAX);
    }
}
