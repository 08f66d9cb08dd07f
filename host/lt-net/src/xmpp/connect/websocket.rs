//! Reaching a server over WebSocket (RFC 7395, section 3.1).

use std::rc::Rc;

use super::clock::name_of;
use super::steps::Connecting;
use crate::error::NetError;
use crate::http::HttpClient;
use crate::timings::Timings;
use crate::websocket::{
    ConnectError, ConnectOptions, ConnectRequest, InboxOptions, Opened, Overflow,
};
use crate::xmpp::XmppError;
use crate::xmpp::channel::Channel;

/// The subprotocol.
const SUBPROTOCOL: &str = "xmpp";
/// Frames that came and were not looked at yet; then nothing more is read. Few: whoever looks at them does so at once.
const FRAMES_MAX: usize = 32;

impl Connecting<'_> {
    /// `resolve`, `tcp`, `tls` and `websocket`: the upgrade. They have the time of one step together.
    pub(super) async fn reach_websocket(
        &mut self,
        client: &HttpClient,
        url: &str,
    ) -> Result<(), XmppError> {
        let limit = self.request.stanza_bytes_max;
        let request = ConnectRequest {
            url: url.to_owned(),
            headers: Vec::new(),
            subprotocols: vec![SUBPROTOCOL.to_owned()],
            options: ConnectOptions {
                timeout: Some(self.clock.step_timeout()),
                message_bytes_max: limit,
                inbox: InboxOptions {
                    messages_max: FRAMES_MAX,
                    bytes_max: limit,
                    overflow: Overflow::Pause,
                },
                ..ConnectOptions::default()
            },
        };
        self.clock.enter(&name_of("websocket"));
        let (attempt, opened) = client.connect_websocket(request).await;
        self.clock.leave();
        self.bytes.0 += attempt.bytes_sent;
        self.bytes.1 += attempt.bytes_received;
        let opened = opened.map_err(error_of).and_then(checked);
        let step = self.record(&attempt.timings, opened.is_ok());
        let opened = opened.map_err(|error| match error {
            XmppError::Net(NetError::Timeout) => XmppError::StepTimeout(step.to_string()),
            other => other,
        })?;
        self.remote = Some(opened.socket.remote());
        self.tls = opened.pump.tls();
        self.use_channel(Channel::over_websocket(opened, limit));
        Ok(())
    }

    /// Record the steps that took time; the last one, which failed unless all is well.
    fn record(&self, timings: &Timings, is_opened: bool) -> Rc<str> {
        let steps = [
            ("resolve", timings.resolving),
            ("tcp", timings.connecting),
            ("tls", timings.tls),
            ("websocket", timings.duration()),
        ];
        let last = steps.iter().rposition(|(_, took)| !took.is_zero());
        let mut name = name_of("websocket");
        for (index, (step, took)) in steps.into_iter().enumerate() {
            if Some(index) == last && !is_opened {
                name = name_of(step);
                self.clock.record_failed(&name, took);
            } else if !took.is_zero() {
                self.clock.record(&name_of(step), took);
            }
        }
        if last.is_none() && !is_opened {
            self.clock.record_failed(&name, timings.blocked);
        }
        name
    }
}

/// The server must have chosen the subprotocol: one that does not know it would take the frames for something else.
fn checked(opened: Opened) -> Result<Opened, XmppError> {
    if opened.socket.subprotocol() == SUBPROTOCOL {
        return Ok(opened);
    }
    let why = "the server upgraded, and did not choose the subprotocol `xmpp`";
    Err(XmppError::protocol(why))
}

fn error_of(error: ConnectError) -> XmppError {
    match error {
        ConnectError::Net(error) => error.into(),
        ConnectError::Refused(refusal) => XmppError::UpgradeRefused(refusal.status),
        ConnectError::Handshake(why) => XmppError::protocol(why),
    }
}
