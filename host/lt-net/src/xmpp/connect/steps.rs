//! The steps of connecting, one after the other, on one stream.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::ask::{self, Answer, Ask, NS_SM};
use super::clock::{Clock, name_of};
use super::features::Features;
use super::plan::Plan;
use super::{ask::attribute, faults};
use crate::dial::Route;
use crate::dial::tcp::{Counters, Wire};
use crate::error::NetError;
use crate::http::HttpClient;
use crate::tls::binding::ChannelBinding;
use crate::tls::{TlsInfo, TlsProfile};
use crate::xmpp::channel::{Channel, ChannelError, escape};
use crate::xmpp::framer::{Event, FrameError, StreamHeader};
use crate::xmpp::sm::{Resumption, SmState};
use crate::xmpp::{
    ConnectRequest, Security, Stanza, StanzaKind, Step, Transport, XmppError, check_element, jid,
};

/// StartTLS.
const NS_TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// Binding of resources.
const NS_BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// The session of RFC 3921.
const NS_SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";

/// Stanzas that may come while connecting and are for later: as many as an inbox has room for unless somebody says otherwise.
const EARLY_STANZAS_MAX: usize = 1000;
/// Bytes of them, beside one that is as long as it may be.
const EARLY_BYTES_MAX: usize = 1 << 20;

/// A session that is coming about.
#[derive(Debug)]
pub(super) struct Connecting<'a> {
    pub(super) request: ConnectRequest,
    pub(super) plan: Plan,
    pub(super) clock: &'a Clock,
    /// What the stream goes over; not before it is connected, nor while it becomes TLS.
    channel: Option<Channel>,
    /// Whether a stream was begun over it that is to be ended.
    is_begun: bool,
    /// Condition of the stream error by which this side ends it.
    fault: Option<&'static str>,
    pub(super) features: Features,
    pub(super) tls_profile: Arc<TlsProfile>,
    pub(super) tls: Option<TlsInfo>,
    /// What a login may be bound with.
    pub(super) bindings: Vec<ChannelBinding>,
    /// Whether to acknowledge at once what follows the next header: it is the first after a TLS handshake.
    pub(super) acknowledges_at_once: bool,
    /// The mechanism that was used.
    pub(super) mechanism: &'static str,
    /// Who this is, as far as is known: the bare JID, in the end the full one.
    pub(super) jid: String,
    pub(super) resume: Option<Rc<RefCell<Resumption>>>,
    pub(super) is_resumed: bool,
    pub(super) sm: Option<SmState>,
    /// What came and is for later, in its order.
    pub(super) early: Vec<Stanza>,
    early_bytes: usize,
    pub(super) remote: Option<SocketAddr>,
    /// The connection's, over TCP: they outlive it.
    pub(super) counters: Option<Rc<Counters>>,
    /// Bytes sent and received that they do not know.
    pub(super) bytes: (u64, u64),
    /// Stanzas of the steps, by kind.
    pub(super) sent: [u32; StanzaKind::COUNT],
    pub(super) received: [u32; StanzaKind::COUNT],
    /// How many requests were made.
    requests: u32,
}

impl<'a> Connecting<'a> {
    pub(super) fn new(
        request: ConnectRequest,
        plan: Plan,
        tls_profile: Arc<TlsProfile>,
        clock: &'a Clock,
        resume: Option<Rc<RefCell<Resumption>>>,
    ) -> Self {
        Self {
            jid: plan.bare(),
            request,
            plan,
            clock,
            channel: None,
            is_begun: false,
            fault: None,
            features: Features::default(),
            tls_profile,
            tls: None,
            bindings: Vec::new(),
            acknowledges_at_once: false,
            mechanism: "",
            resume,
            is_resumed: false,
            sm: None,
            early: Vec::new(),
            early_bytes: 0,
            remote: None,
            counters: None,
            bytes: (0, 0),
            sent: [0; StanzaKind::COUNT],
            received: [0; StanzaKind::COUNT],
            requests: 0,
        }
    }

    /// Reach the server and do all steps.
    pub(super) async fn run(
        &mut self,
        client: &HttpClient,
        route: &Route,
    ) -> Result<(), XmppError> {
        match self.request.transport.clone() {
            Transport::Tcp => self.reach_tcp(client.network(), route).await?,
            Transport::WebSocket(url) => self.reach_websocket(client, &url).await?,
        }
        for step in std::mem::take(&mut self.request.steps) {
            self.perform(&step).await?;
        }
        Ok(())
    }

    async fn perform(&mut self, step: &Step) -> Result<(), XmppError> {
        match step {
            Step::Stream => self.open().await,
            Step::Tls => self.starttls().await,
            Step::Register(fields) => self.register(fields).await,
            Step::Authenticate => self.authenticate().await,
            Step::Resume => self.resume().await,
            Step::Custom(_) => self.ask(step).await,
            Step::Bind
            | Step::Session
            | Step::StreamManagement(_)
            | Step::Carbons
            | Step::Presence
                if self.is_resumed =>
            {
                Ok(())
            }
            Step::Bind => self.bind().await,
            Step::Session => self.session().await,
            Step::StreamManagement(_) if !self.features.has(NS_SM) => Ok(()),
            Step::StreamManagement(_) | Step::Carbons | Step::Presence => self.ask(step).await,
        }
    }

    /// `stream` and `features`.
    async fn open(&mut self) -> Result<(), XmppError> {
        let clock = self.clock;
        clock.step(&name_of("stream"), self.begin_stream()).await?;
        let features = self.read_features();
        clock.step(&name_of("features"), features).await
    }

    /// `restart`: a new stream on the same connection, up to its features.
    pub(super) async fn restart(&mut self) -> Result<(), XmppError> {
        let clock = self.clock;
        let restarted = async {
            self.begin_stream().await?;
            self.read_features().await
        };
        clock.step(&name_of("restart"), restarted).await
    }

    /// Send a header and wait for the server's.
    async fn begin_stream(&mut self) -> Result<(), XmppError> {
        // Who this is goes over the wire only where nobody reads along (RFC 6120, section 4.7.1).
        let is_told = self.tls.is_some() && self.plan.local.is_some();
        let from = is_told.then(|| self.plan.bare());
        let domain = self.plan.domain.clone();
        let at_once = std::mem::take(&mut self.acknowledges_at_once);
        self.is_begun = true;
        let channel = self.channel()?;
        channel.open_stream(&domain, from.as_deref());
        if at_once {
            // What fails here fails at reading too, which says why.
            let _ = channel.flush().await;
            channel.quick_ack();
        }
        match self.event().await? {
            Event::Open(header) => check_version(&header),
            Event::Element(element) => Err(unexpected(&element, "the stream's header")),
            Event::Close => Err(NetError::ConnectionClosed.into()),
        }
    }

    async fn read_features(&mut self) -> Result<(), XmppError> {
        let element = self.element().await?;
        self.features = Features::of(&element)?;
        Ok(())
    }

    /// `starttls`, `tls` and `restart`.
    async fn starttls(&mut self) -> Result<(), XmppError> {
        let if_offered = match self.request.security {
            Security::StartTls => false,
            Security::StartTlsIfOffered => true,
            Security::DirectTls | Security::None => return Ok(()),
        };
        let is_offered = self.features.has(NS_TLS);
        let is_over_websocket = self.channel()?.is_websocket();
        if is_over_websocket || self.tls.is_some() || (if_offered && !is_offered) {
            return Ok(());
        }
        let clock = self.clock;
        let asked = self.ask_for_tls(is_offered);
        let wire = clock.step(&name_of("starttls"), asked).await?;
        self.is_begun = false;
        clock.step(&name_of("tls"), self.secure(wire)).await?;
        self.restart().await
    }

    async fn ask_for_tls(&mut self, is_offered: bool) -> Result<Wire, XmppError> {
        if !is_offered {
            return Err(XmppError::StartTlsRefused("it is not offered".to_owned()));
        }
        let request = format!("<starttls xmlns='{NS_TLS}'/>");
        self.channel()?.queue(request.as_bytes());
        let element = self.element().await?;
        match (element.namespace(), element.name()) {
            (NS_TLS, "proceed") => self.channel()?.take_plain().ok_or_else(|| {
                let why = "something came between `proceed` and TLS, where nothing may be";
                XmppError::protocol(why)
            }),
            (NS_TLS, "failure") => {
                let why = "the server said `failure`";
                Err(XmppError::StartTlsRefused(why.to_owned()))
            }
            _ => Err(unexpected(&element, "`proceed`")),
        }
    }

    /// `resume`. What the server does not take up is bound anew, by the steps that follow.
    async fn resume(&mut self) -> Result<(), XmppError> {
        let Some(resumption) = self.resume.take() else {
            return Ok(());
        };
        if !self.features.has(NS_SM) || resumption.borrow().is_spent() {
            return Ok(());
        }
        let clock = self.clock;
        let resumed = self.take_up(&resumption);
        clock.step(&name_of("resume"), resumed).await
    }

    /// Whoever gave it keeps it until the server has taken it up.
    async fn take_up(&mut self, left: &RefCell<Resumption>) -> Result<(), XmppError> {
        let request = format!(
            "<resume xmlns='{NS_SM}' h='{}'{}/>",
            left.borrow().handled(),
            attribute("previd", Some(left.borrow().id()))
        );
        self.channel()?.queue(request.as_bytes());
        let h = self
            .answer(|element| match (element.namespace(), element.name()) {
                (NS_SM, "resumed") => Some(handled_by_server(element).map(Ok)),
                (NS_SM, "failed") => Some(Ok(Err(handled_by_server(element).ok()))),
                _ => None,
            })
            .await?;
        let h = match h {
            Ok(h) => h,
            Err(refused) => {
                if let Some(h) = refused {
                    left.borrow_mut().refused(h);
                }
                return Ok(());
            }
        };
        let resumption = left.borrow_mut().take();
        self.be(resumption.jid().to_owned());
        self.sm = Some(SmState::resumed(resumption, h)?);
        self.is_resumed = true;
        Ok(())
    }

    /// `bind`.
    async fn bind(&mut self) -> Result<(), XmppError> {
        let clock = self.clock;
        clock.step(&name_of("bind"), self.bind_resource()).await
    }

    async fn bind_resource(&mut self) -> Result<(), XmppError> {
        if !self.features.has(NS_BIND) {
            return Err(XmppError::NotOffered("bind".to_owned()));
        }
        let resource = self.plan.resource.as_deref();
        let resource =
            resource.map(|resource| format!("<resource>{}</resource>", escape(resource)));
        let resource = resource.unwrap_or_default();
        let answer = self
            .request("set", &format!("<bind xmlns='{NS_BIND}'>{resource}</bind>"))
            .await?;
        let element = answer.element().map_err(XmppError::protocol)?;
        let bound = element
            .get_child("bind", NS_BIND)
            .and_then(|bind| bind.get_child("jid", NS_BIND));
        let Some(bound) = bound else {
            return Err(XmppError::protocol("`bind` was answered without a JID"));
        };
        let bound = jid::parse(bound.text().trim()).map_err(XmppError::protocol)?;
        if bound.resource().is_none() {
            return Err(XmppError::protocol(format!(
                "`bind` was answered with {bound}, without a resource"
            )));
        }
        self.be(bound.to_string());
        Ok(())
    }

    /// It is known who this is.
    fn be(&mut self, full: String) {
        self.jid = full;
        if let Some(channel) = &mut self.channel {
            channel.set_own(jid::bare(&self.jid));
        }
    }

    /// `session`.
    async fn session(&mut self) -> Result<(), XmppError> {
        if !self.features.needs_session {
            return Ok(());
        }
        let clock = self.clock;
        let name = name_of("session");
        let payload = format!("<session xmlns='{NS_SESSION}'/>");
        let established = self.request("set", &payload);
        clock.step(&name, established).await.map(|_| ())
    }

    /// A step that is asked for and answered.
    async fn ask(&mut self, step: &Step) -> Result<(), XmppError> {
        let id = self.new_id();
        let is_over_websocket = self.channel()?.is_websocket();
        let namespaces = &self.features.namespaces;
        let ask = Ask::of(step, &self.jid, namespaces, id, is_over_websocket)?;
        let clock = self.clock;
        clock.step(ask.name(), self.ask_and_wait(&ask)).await?;
        match step {
            Step::Custom(custom) if custom.restart => self.restart().await,
            _ => Ok(()),
        }
    }

    async fn ask_and_wait(&mut self, ask: &Ask) -> Result<(), XmppError> {
        if !ask.text().is_empty() {
            // Whatever a scenario sends; a stanza counts as one.
            match check_element(ask.text()) {
                Ok(checked) => self.send(checked.kind, ask.text())?,
                Err(_) => {
                    self.channel()?.queue(ask.text().as_bytes());
                    if let Some(sm) = &mut self.sm {
                        sm.note_raw(ask.text().as_bytes());
                    }
                }
            }
        }
        if !ask.awaits() {
            let flushed = self.channel()?.flush().await;
            return flushed.map_err(XmppError::from);
        }
        if let Answer::Enabled(enabled) = self.answer(|element| ask.answer(element)).await? {
            self.sm = Some(SmState::enabled(enabled));
        }
        Ok(())
    }

    /// An `iq` to the server, and its answer.
    pub(super) async fn request(&mut self, kind: &str, payload: &str) -> Result<Stanza, XmppError> {
        let id = self.new_id();
        let namespace = ask::namespace_of(self.channel()?.is_websocket());
        let iq = format!("<iq{namespace} type='{kind}' id='{id}'>{payload}</iq>");
        self.send(Some(StanzaKind::Iq), &iq)?;
        let own = self.jid.clone();
        self.answer(|element| {
            let answered = ask::answer_to(&id, None, &own, element);
            answered.map(|answered| answered.cloned())
        })
        .await
    }

    fn new_id(&mut self) -> String {
        self.requests += 1;
        format!("connect-{}", self.requests)
    }

    /// Send an element; what kind of stanza it is.
    fn send(&mut self, kind: Option<StanzaKind>, xml: &str) -> Result<(), XmppError> {
        self.channel()?.queue_element(xml);
        if let Some(kind) = kind {
            count(&mut self.sent, kind);
            if let Some(sm) = &mut self.sm {
                sm.note_sent(kind, xml);
            }
        }
        Ok(())
    }

    /// Wait for the element that `judge` makes something of. Stanzas that come before are for later.
    pub(super) async fn answer<T>(
        &mut self,
        judge: impl Fn(&Stanza) -> Option<Result<T, XmppError>>,
    ) -> Result<T, XmppError> {
        loop {
            let element = self.element().await?;
            match judge(&element) {
                None => self.set_aside(element)?,
                Some(result) => {
                    if let Some(kind) = element.stanza_kind() {
                        count(&mut self.received, kind);
                        if let Some(sm) = &mut self.sm {
                            sm.note_handled();
                        }
                    }
                    return result;
                }
            }
        }
    }

    /// Keep a stanza for later, and what stream management says among stanzas.
    fn set_aside(&mut self, element: Stanza) -> Result<(), XmppError> {
        let is_kept =
            element.stanza_kind().is_some() || (self.sm.is_some() && element.namespace() == NS_SM);
        if !is_kept {
            return Ok(());
        }
        self.early_bytes += element.bytes();
        let bytes_max = EARLY_BYTES_MAX + self.request.stanza_bytes_max;
        if self.early.len() >= EARLY_STANZAS_MAX || self.early_bytes > bytes_max {
            let text = format!(
                "more than {EARLY_STANZAS_MAX} stanzas or {bytes_max} bytes while connecting"
            );
            let error = FrameError::too_large(text);
            self.fault = Some(error.condition);
            return Err(ChannelError::Frame(error).into());
        }
        if let (Some(_), Some(sm)) = (element.stanza_kind(), &mut self.sm) {
            // Here, and not when it is looked at later: what came before `enabled` does not count.
            sm.note_handled();
        }
        self.early.push(element);
        Ok(())
    }

    /// The next element that is no stream error.
    pub(super) async fn element(&mut self) -> Result<Stanza, XmppError> {
        match self.event().await? {
            Event::Element(element) => Ok(element),
            Event::Open(_) => Err(XmppError::protocol("a second stream header")),
            Event::Close => Err(NetError::ConnectionClosed.into()),
        }
    }

    async fn event(&mut self) -> Result<Event, XmppError> {
        let event = self.channel()?.next().await;
        if let Err(ChannelError::Frame(error)) = &event {
            self.fault = Some(error.condition);
        }
        match event? {
            Event::Element(element) => match faults::stream_error(&element) {
                Some(condition) => Err(XmppError::Stream(condition)),
                None => Ok(Event::Element(element)),
            },
            other => Ok(other),
        }
    }

    /// Go on over this.
    pub(super) fn use_channel(&mut self, mut channel: Channel) {
        channel.set_own(jid::bare(&self.jid));
        self.channel = Some(channel);
    }

    pub(super) fn channel(&mut self) -> Result<&mut Channel, XmppError> {
        self.channel
            .as_mut()
            .ok_or_else(|| NetError::ConnectionClosed.into())
    }

    /// It failed: end the stream, saying why if the fault is the server's, as far as that is possible at once.
    pub(super) fn give_up(&mut self) {
        let Some(channel) = &mut self.channel else {
            return;
        };
        if self.is_begun {
            match self.fault {
                Some(condition) => channel.end_with_error(condition),
                None => channel.end_stream(),
            }
        }
        let mut cx = Context::from_waker(Waker::noop());
        let _ = channel.poll_shutdown(&mut cx);
    }

    /// Bytes sent and received so far.
    pub(super) fn take_bytes(&mut self) -> (u64, u64) {
        let (mut sent, mut received) = std::mem::take(&mut self.bytes);
        let counted = match (&self.counters, &self.channel) {
            (Some(counters), _) => counters.take(),
            (None, Some(channel)) => channel.take_bytes(),
            (None, None) => (0, 0),
        };
        sent += counted.0;
        received += counted.1;
        (sent, received)
    }

    /// What all steps have made: the stream.
    pub(super) fn take_channel(&mut self) -> Option<Channel> {
        self.channel.take()
    }
}

fn count(counts: &mut [u32; StanzaKind::COUNT], kind: StanzaKind) {
    if let Some(count) = counts.get_mut(kind.index()) {
        *count += 1;
    }
}

/// Servers before RFC 3920 name no version, and have no features.
fn check_version(header: &StreamHeader) -> Result<(), XmppError> {
    let version = header.version.as_deref();
    if version.is_some_and(|version| version.starts_with("1.")) {
        return Ok(());
    }
    let version = version.unwrap_or("none");
    Err(XmppError::protocol(format!(
        "the stream's version is {version}"
    )))
}

/// Something else came.
pub(super) fn unexpected(element: &Stanza, wanted: &str) -> XmppError {
    XmppError::protocol(format!("`{}` came instead of {wanted}", element.name()))
}

/// What the server says it has handled.
fn handled_by_server(resumed: &Stanza) -> Result<u32, XmppError> {
    let element = resumed.element().map_err(XmppError::protocol)?;
    let h = element.attr("h").and_then(|h| h.parse().ok());
    h.ok_or_else(|| XmppError::protocol("`resumed` without `h`"))
}
