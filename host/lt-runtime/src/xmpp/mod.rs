//! A user's XMPP sessions: connecting on its I/O task, and what is recorded of that.
//!
//! As with WebSockets ([`crate::sockets`]), the fiber hands a [`Dial`] to the I/O task and waits for an [`OpenSession`]; what reads
//! and writes from then on is the session's pump, a task of its own on the same thread.

pub(crate) mod filters;
mod record;
mod stamp;
pub(crate) mod told;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lt_net::NetError;
use lt_net::xmpp::{Opened, Resumption, Session, XmppError};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::bindings::xmpp as wit;
use crate::bindings::xmpp::ErrorCode;
use crate::core::GroupId;
use crate::interfaces::xmpp::options;
use crate::io_link::IoLink;
use crate::sockets::{Place, StillOpen};
use filters::FiltersOfCore;
use record::{Failure, Labelled};
use told::{Told, Watched};

/// Number of a connect whose user ended before it was done (`wit/xmpp.wit`).
const CUT_OFF: u16 = 2020;

/// What a fiber hands to its I/O task to connect. Options are looked through there: on the fiber that would dirty two more pages of
/// its stack for the user's whole life.
pub(crate) struct Dial {
    pub(crate) options: Box<wit::ConnectOptions>,
    /// The guest keeps it.
    pub(crate) resume: Option<Rc<RefCell<Resumption>>>,
    /// The group that the user connects in.
    pub(crate) group: GroupId,
}

/// What came of it.
pub(crate) type Connected = Result<OpenSession, ErrorCode>;

/// The user's end of a session. Dropping it abandons the stream.
pub(crate) struct OpenSession {
    pub(crate) session: Rc<Session>,
    pub(crate) watched: Rc<Watched>,
    /// What the host sends again and again, beside the ping.
    pub(crate) periodics: Rc<Cell<usize>>,
    /// Requests that were started and not finished.
    pub(crate) requests: Rc<Cell<usize>>,
    _place: Place,
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.session.abandon();
    }
}

/// What the sessions of one core share.
#[derive(Default)]
pub(crate) struct OfCore {
    pub(crate) filters: RefCell<FiltersOfCore>,
    /// Stanzas that nobody wanted and that were logged.
    unexpected_logged: Cell<u32>,
    /// Whether it was said that a stamp makes no sense, or lies in the future.
    bad_stamp_logged: Cell<bool>,
    early_stamp_logged: Cell<bool>,
}

/// Connect, on the I/O task; the pump is spawned from here, so that it is none of the fiber's.
pub(crate) async fn connect(link: &IoLink, dial: Box<Dial>, answer: oneshot::Sender<Connected>) {
    let connected = dialled(link, *dial).await;
    // Nobody waits any more: dropping the session abandons it.
    let _unheard = answer.send(connected);
}

async fn dialled(link: &IoLink, dial: Dial) -> Connected {
    let (request, labels) = options::request(link, *dial.options, dial.group)?;
    // A stanza larger than the inbox takes as much before it is found to be too large for that.
    let bytes = request.inbox.bytes_max.max(request.stanza_bytes_max);
    let place = Place::take(link.sockets(), bytes).map_err(ErrorCode::TooMany)?;
    let name = match &labels.name {
        Some(name) => name.clone(),
        None => domain(&request.jid).to_owned(),
    };
    let labelled = Labelled::new(&link.core, link.who, &labels, &name);
    let connecting = Connecting::begin(&labelled);
    let (attempt, outcome) = link.client.connect_xmpp(request, dial.resume).await;
    connecting.finish();
    match outcome {
        Ok(Opened { session, pump }) => {
            labelled.record(&attempt, None);
            let watched = Watched::new(&labelled);
            tokio::task::spawn_local(pump.run(Told::new(watched.clone())));
            Ok(OpenSession {
                session,
                watched,
                periodics: Rc::default(),
                requests: Rc::default(),
                _place: place,
            })
        }
        Err(error) => {
            // What makes no sense was not attempted.
            if !matches!(error, XmppError::Net(NetError::InvalidRequest(_))) {
                labelled.record(&attempt, Some(&Failure::of(&error)));
            }
            Err(error.into())
        }
    }
}

/// The domain of a JID, which names its samples unless the scenario does.
fn domain(jid: &str) -> &str {
    let bare = jid.split('/').next().unwrap_or(jid);
    bare.split_once('@').map_or(bare, |(_, domain)| domain)
}

/// A connect under way. If its user ends first it is counted all the same: else a server that never answers would be no failure.
struct Connecting<'a> {
    labelled: &'a Labelled<'a>,
    begun: Instant,
    finished: bool,
    _still_open: StillOpen,
}

impl<'a> Connecting<'a> {
    fn begin(labelled: &'a Labelled<'a>) -> Self {
        Self {
            labelled,
            begun: Instant::now(),
            finished: false,
            _still_open: labelled.core.sockets.begin(),
        }
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.labelled.record_cut_off(self.begun.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_what_lies_between_account_and_resource() {
        for (jid, name) in [
            ("a@example.org/phone", "example.org"),
            ("a@example.org", "example.org"),
            ("example.org", "example.org"),
            ("a@example.org/b@c", "example.org"),
        ] {
            assert_eq!(domain(jid), name);
        }
    }
}
