//! Events of a run as they happen: read until something ends it, taken up again where they broke off.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::ACCEPT;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::call::Client;
use super::failure::CallError;
use super::sse::{Event, EventReader};
use crate::error::CommandError;
use crate::process::on_interrupt;

/// How long a host may be gone: long enough to be started again, short enough for a CI job.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may come: a host says something every 15 seconds, and may be late twice.
const SILENCE_MAX: Duration = Duration::from_secs(50);
/// Between two attempts to take up what broke off.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Each Ctrl-C.
pub(crate) struct Interrupts {
    heard: UnboundedReceiver<()>,
}

impl Interrupts {
    /// Hear them from now on.
    ///
    /// # Errors
    /// If the system lets nobody hear.
    pub(crate) fn hear() -> Result<Self, CommandError> {
        let (tell, heard) = unbounded_channel();
        on_interrupt(move |_| {
            // Who is gone does not hear.
            let _gone = tell.send(());
        })?;
        Ok(Self { heard })
    }

    async fn next(&mut self) {
        if self.heard.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// What came of following.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<T> {
    /// What the listener made of an event.
    Done(T),
    /// Somebody wanted to hear no more.
    Interrupted,
    /// The host has nothing more to say.
    Over,
}

/// How one connection ended.
enum Ended<T> {
    With(Heard<T>),
    /// The connection was lost, for this reason.
    Lost(String),
}

impl Client {
    /// Hear the events of a path until `hear` has a result, or somebody interrupts. With `resumes`, a connection that is lost
    /// is made again, and says which event it had last.
    ///
    /// # Errors
    /// The host's no, or that it was gone for too long.
    pub(crate) fn follow<T>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        resumes: bool,
        interrupts: &mut Interrupts,
        mut hear: impl FnMut(Event) -> Option<T>,
    ) -> Result<Heard<T>, CallError> {
        self.runtime.block_on(async {
            let mut last_id: Option<String> = None;
            let mut alive = Instant::now();
            let mut first = true;
            loop {
                let place = (&mut last_id, &mut alive);
                let ended = self
                    .listen(path, query, place, interrupts, &mut hear)
                    .await;
                let lost = match ended {
                    Ok(Ended::With(heard)) => match heard {
                        Heard::Over if resumes => "it ended".to_owned(),
                        heard => return Ok(heard),
                    },
                    Ok(Ended::Lost(reason)) => reason,
                    // What could never be reached is not waited for.
                    Err(CallError::Failed(reason)) if !first => reason,
                    Err(error) => return Err(error),
                };
                first = false;
                if !resumes || alive.elapsed() >= self.patience {
                    return Err(CallError::Failed(format!(
                        "the events of {} cannot be heard any more: {lost} (remedy: `lt-host status` tells whether the host is \
                         there)",
                        self.base
                    )));
                }
                tokio::select! {
                    () = interrupts.next() => return Ok(Heard::Interrupted),
                    () = tokio::time::sleep(RETRY_PAUSE) => {}
                }
            }
        })
    }

    /// One connection. Notes the last event's id, and when the host was heard last.
    async fn listen<T>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        (last_id, alive): (&mut Option<String>, &mut Instant),
        interrupts: &mut Interrupts,
        hear: &mut impl FnMut(Event) -> Option<T>,
    ) -> Result<Ended<T>, CallError> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self
            .request(Method::GET, url)
            .header(ACCEPT, "text/event-stream");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id.as_str());
        }
        let sent = tokio::select! {
            () = interrupts.next() => return Ok(Ended::With(Heard::Interrupted)),
            sent = tokio::time::timeout(SILENCE_MAX, request.send()) => sent,
        };
        let Ok(sent) = sent else {
            return Ok(Ended::Lost("nothing came".to_owned()));
        };
        let mut response = sent.map_err(|error| CallError::of_transport(&self.base, &error))?;
        if !response.status().is_success() {
            return match self.read(response).await {
                Err(error) => Err(error),
                Ok(_) => Ok(Ended::Lost("it said nothing".to_owned())),
            };
        }
        let mut reader = EventReader::default();
        loop {
            let chunk = tokio::select! {
                () = interrupts.next() => return Ok(Ended::With(Heard::Interrupted)),
                chunk = tokio::time::timeout(SILENCE_MAX, response.chunk()) => chunk,
            };
            let bytes = match chunk {
                Err(_) => return Ok(Ended::Lost("nothing came".to_owned())),
                Ok(Err(error)) => return Ok(Ended::Lost(error.to_string())),
                Ok(Ok(None)) => return Ok(Ended::With(Heard::Over)),
                Ok(Ok(Some(bytes))) => bytes,
            };
            *alive = Instant::now();
            for event in reader.push(&bytes).map_err(CallError::Failed)? {
                if event.id.is_some() {
                    last_id.clone_from(&event.id);
                }
                if let Some(result) = hear(event) {
                    return Ok(Ended::With(Heard::Done(result)));
                }
            }
        }
    }
}
