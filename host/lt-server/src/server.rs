//! A server's life: open, serve, wind down.

use std::io;
use std::sync::Arc;

use lt_runtime::Engine;
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::app::{AppState, router};
use crate::blobs::Blobs;
use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError};
use crate::listen::{self, Ending};

/// Threads of the server: requests are short and uploads wait for the disk, and the users of running tests need the
/// processors. Two, so that hashing an upload does not hold up everybody else.
const THREADS: usize = 2;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// What lies there cannot be read, or the system has no thread for us.
    #[error("{path}: cannot be used: {error}", path = .path.display())]
    Data {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A server that is ready: what it was given in earlier lives is read.
pub struct Server {
    app: AppState,
    /// Held as long as we live.
    _data: DataDir,
}

impl Server {
    /// Open the data directory and read what is there.
    ///
    /// # Errors
    /// If another process has it, or it cannot be used.
    pub fn open(config: Config, engine: Engine) -> Result<Self, OpenError> {
        let path = config.data_dir.clone();
        let data = DataDir::open(&path)?;
        let opened =
            Blobs::open(&data).and_then(|blobs| AppState::open(config, engine, &data, &blobs));
        let app = opened.map_err(|error| OpenError::Data { path, error })?;
        Ok(Self { app, _data: data })
    }

    /// Answer on a listener until `asked_to_end` says 1 or more. Then no connection is taken any more, runs end gracefully,
    /// at once if it says 2, and this returns when their results are written and the last answers given.
    ///
    /// # Errors
    /// If the listener cannot be used, or the system gives no threads.
    pub fn serve(
        self,
        listener: std::net::TcpListener,
        tls: Option<Arc<ServerConfig>>,
        mut asked_to_end: watch::Receiver<u32>,
    ) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("server")
            .enable_all()
            .build()?;
        let runs = self.app.runs.clone();
        let (ending, told) = watch::channel(Ending::Not);
        let served = runtime.block_on(async move {
            let mut serving = tokio::spawn(listen::serve(listener, tls, router(self.app), told));
            tokio::select! {
                // Only a listener that cannot be used ends by itself.
                ended = &mut serving => return ended?,
                _ = asked_to_end.wait_for(|asked| *asked > 0) => {}
            }
            ending.send_replace(Ending::Closing);
            runs.end_all(false);
            let asked_again = async {
                let _asked = asked_to_end.wait_for(|asked| *asked > 1).await;
                runs.end_all(true);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = runs.ended() => {}
                () = asked_again => {}
            }
            ending.send_replace(Ending::Closed);
            serving.await?
        });
        // What still waits for a disk or a compiler does not keep the process.
        runtime.shutdown_background();
        served
    }
}
