//! `lt-host target`: the built-in server to practise on.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use clap::Args;
use tokio::sync::Notify;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::machine;
use crate::process::{Process, on_interrupt};
use crate::target::{TargetOptions, serve};

/// Most threads of the server: it is for practice, and the load generator needs the processors.
const THREADS_MAX: u16 = 64;

/// Serve pages to practise on: delays, failures, redirects, a log-in form, a chat
///
/// Open the printed URL in a browser for the list of routes. Runs until Ctrl-C.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// Address and port to listen on; port 0 takes a free one. The first line printed says which.
    #[arg(
        long,
        value_name = "ADDR",
        env = "LT_TARGET_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,
    /// Threads that serve.
    #[arg(long, value_name = "N", env = "LT_TARGET_THREADS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(THREADS_MAX)))]
    threads: u16,
}

impl Target {
    /// Serve until a signal comes.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        machine::raise_descriptors();
        let unusable = |error: std::io::Error| {
            let remedy = "give another address, or port 0 for a free port";
            CommandError::input(
                "--listen",
                self.listen.to_string(),
                format!("cannot be listened on: {error}"),
                remedy,
            )
        };
        let listener = TcpListener::bind(self.listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let asked_to_end = Arc::new(Notify::new());
        let told = asked_to_end.clone();
        on_interrupt(move |_| told.notify_one())?;
        process.print(&format!("listening on http://{address}\n"))?;
        let options = TargetOptions {
            threads: usize::from(self.threads),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime
            .block_on(serve(listener, options, asked_to_end.notified()))
            .map_err(|error| CommandError::Failed(format!("the server ended: {error}")))?;
        Ok(Exit::Success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::fake;

    #[test]
    fn an_address_in_use_is_bad_input() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let (mut process, printed) = fake(&["target", "--listen", &address]);
        assert_eq!(crate::main(&mut process), Exit::BadInput);
        let text = printed.stderr.text();
        assert!(
            text.contains("--listen") && text.contains("remedy"),
            "{text}"
        );
        let (mut process, printed) = fake(&["target", "--listen", "localhost"]);
        assert_eq!(crate::main(&mut process), Exit::BadInput);
        assert!(printed.stderr.text().contains("--listen"));
    }
}
