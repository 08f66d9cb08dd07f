//! What the guest asks for when it connects, held to its bounds.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use lt_net::xmpp::{
    ConnectRequest, CustomStep, Filter, Filters, Handlers, Intake, KeyPath, Mechanism, Security,
    Step, StreamManagement, Transport,
};
use lt_spec::limits::{
    INBOX_BYTES_MAX, NAME_BYTES_MAX, XMPP_FILTERS_MAX, XMPP_SENT_BYTES_MAX,
    XMPP_STANZA_BYTES_DEFAULT, XMPP_STEP_TIMEOUT, XMPP_STEPS_MAX, XMPP_TIMEOUT,
};

use super::{invalid, too_large};
use crate::bindings::xmpp as wit;
use crate::bindings::xmpp::ErrorCode;
use crate::core::{Core, GroupId};
use crate::interfaces::inbox::{self, size};
use crate::interfaces::timing::duration;
use crate::io_link::IoLink;
use crate::sockets::Labels;
use crate::sockets::patterns::PatternError;

/// How a trace shows the options of a connect: without the password.
pub(super) struct Asked<'a>(pub(super) &'a wit::ConnectOptions);

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(options) = self;
        f.debug_struct("ConnectOptions")
            .field("jid", &options.jid)
            .field("transport", &options.transport)
            .field("address", &options.address)
            .field("security", &options.security)
            .field("mechanisms", &options.mechanisms)
            .field("steps", &options.steps)
            .field("handlers", &options.handlers)
            .field("intake", &options.intake)
            .field("name", &options.name)
            .finish_non_exhaustive()
    }
}

/// Whom to be, where and how, and what the session's samples are tagged with.
pub(crate) fn request(
    io: &IoLink,
    options: wit::ConnectOptions,
    group: GroupId,
) -> Result<(ConnectRequest, Labels), ErrorCode> {
    let core = &io.core;
    for (field, time) in [
        ("options.timeout", options.timeout),
        ("options.step-timeout", options.step_timeout),
    ] {
        if time == Some(0) {
            return Err(invalid(field, "it is zero"));
        }
    }
    let stanza_bytes_max = options
        .stanza_bytes_max
        .unwrap_or(XMPP_STANZA_BYTES_DEFAULT);
    let bounds = (1, INBOX_BYTES_MAX);
    inbox::within("options.stanza-bytes-max", stanza_bytes_max, bounds)
        .map_err(ErrorCode::InvalidRequest)?;
    let tls = match options.tls {
        Some(tls) => {
            let profile = io
                .client
                .tls_profile(tls.authorities, tls.identity, tls.insecure);
            Some(profile.map_err(|error| ErrorCode::from(lt_net::xmpp::XmppError::Net(error)))?)
        }
        None => None,
    };
    let local_address = options.local_address.map(|text| {
        let fault = || format!("{text:?} is not an IP address");
        text.parse::<IpAddr>()
            .map_err(|_| invalid("local-address", fault()))
    });
    let tags = options.tags.into_iter();
    let labels = Labels {
        group,
        name: options.name,
        tags: tags.map(|tag| (tag.name, tag.value)).collect(),
    };
    let request = ConnectRequest {
        jid: options.jid,
        password: options.password,
        transport: match options.transport {
            wit::Transport::Tcp => Transport::Tcp,
            wit::Transport::Websocket(url) => Transport::WebSocket(url),
        },
        address: options.address,
        security: options.security.map_or_else(Security::default, security),
        mechanisms: options
            .mechanisms
            .map(|wanted| wanted.into_iter().map(mechanism).collect()),
        tls,
        local_address: local_address.transpose()?,
        steps: steps(core, options.steps)?,
        timeout: options.timeout.map_or(XMPP_TIMEOUT, duration),
        step_timeout: options.step_timeout.map_or(XMPP_STEP_TIMEOUT, duration),
        quick_ack: options.quick_ack,
        handlers: options.handlers.map_or_else(Handlers::default, handlers),
        intake: match options.intake {
            Some(asked) => intake(core, "options.intake.wanted", asked)?,
            None => Intake::default(),
        },
        inbox: inbox::options(options.inbox, stanza_bytes_max)
            .map_err(ErrorCode::InvalidRequest)?,
        stanza_bytes_max: size(stanza_bytes_max),
    };
    Ok((request, labels))
}

fn security(asked: wit::Security) -> Security {
    match asked {
        wit::Security::Starttls => Security::StartTls,
        wit::Security::StarttlsIfOffered => Security::StartTlsIfOffered,
        wit::Security::DirectTls => Security::DirectTls,
        wit::Security::None => Security::None,
    }
}

fn mechanism(asked: wit::Mechanism) -> Mechanism {
    match asked {
        wit::Mechanism::ScramSha512Plus => Mechanism::ScramSha512Plus,
        wit::Mechanism::ScramSha256Plus => Mechanism::ScramSha256Plus,
        wit::Mechanism::ScramSha1Plus => Mechanism::ScramSha1Plus,
        wit::Mechanism::ScramSha512 => Mechanism::ScramSha512,
        wit::Mechanism::ScramSha256 => Mechanism::ScramSha256,
        wit::Mechanism::ScramSha1 => Mechanism::ScramSha1,
        wit::Mechanism::Plain => Mechanism::Plain,
        wit::Mechanism::External => Mechanism::External,
        wit::Mechanism::Anonymous => Mechanism::Anonymous,
        wit::Mechanism::XOauth2 => Mechanism::XOauth2,
    }
}

fn handlers(asked: wit::Handlers) -> Handlers {
    Handlers {
        ping: asked.contains(wit::Handlers::PING),
        disco: asked.contains(wit::Handlers::DISCO),
        receipts: asked.contains(wit::Handlers::RECEIPTS),
        version: asked.contains(wit::Handlers::VERSION),
        refuse_requests: asked.contains(wit::Handlers::REFUSE_REQUESTS),
    }
}

fn steps(core: &Core, asked: Option<Vec<wit::Step>>) -> Result<Vec<Step>, ErrorCode> {
    let Some(asked) = asked else {
        return Ok(vec![
            Step::Stream,
            Step::Tls,
            Step::Authenticate,
            Step::Resume,
            Step::Bind,
            Step::Session,
        ]);
    };
    if asked.len() > XMPP_STEPS_MAX {
        let fault = format!("more than {XMPP_STEPS_MAX}");
        return Err(invalid("options.steps", fault));
    }
    let steps = asked
        .into_iter()
        .map(|asked| step(core, "options.steps", asked));
    steps.collect()
}

/// One step.
pub(super) fn step(core: &Core, field: &str, asked: wit::Step) -> Result<Step, ErrorCode> {
    Ok(match asked {
        wit::Step::Stream => Step::Stream,
        wit::Step::Tls => Step::Tls,
        wit::Step::Register(fields) => Step::Register(fields),
        wit::Step::Authenticate => Step::Authenticate,
        wit::Step::Resume => Step::Resume,
        wit::Step::Bind => Step::Bind,
        wit::Step::Session => Step::Session,
        wit::Step::StreamManagement(asked) => {
            let ask_every = asked.ask_every.unwrap_or(ASK_EVERY);
            if ask_every == 0 {
                return Err(invalid(field, "stream-management.ask-every is zero"));
            }
            Step::StreamManagement(StreamManagement {
                resume: asked.resume,
                max: asked.max.map(duration),
                ask_every,
            })
        }
        wit::Step::Carbons => Step::Carbons,
        wit::Step::Presence => Step::Presence,
        wit::Step::Custom(custom) => Step::Custom(custom_step(core, field, custom)?),
    })
}

/// Stanzas sent after which an acknowledgement is asked for (`wit/xmpp.wit`).
const ASK_EVERY: u32 = 5;

fn custom_step(
    core: &Core,
    field: &str,
    asked: wit::CustomStep,
) -> Result<Rc<CustomStep>, ErrorCode> {
    if asked.name.is_empty() || asked.name.len() > NAME_BYTES_MAX {
        let fault = format!("a name has 1 to {NAME_BYTES_MAX} bytes");
        return Err(invalid(field, fault));
    }
    if asked.send.len() > XMPP_SENT_BYTES_MAX {
        return Err(too_large());
    }
    Ok(Rc::new(CustomStep {
        name: asked.name,
        send: asked.send,
        r#await: filters(core, field, asked.await_)?,
        restart: asked.restart,
    }))
}

/// Which stanzas go into the inbox.
pub(super) fn intake(core: &Core, field: &str, asked: wit::Intake) -> Result<Intake, ErrorCode> {
    Ok(Intake {
        wanted: filters(core, field, asked.wanted)?,
        report_others: asked.report_others,
    })
}

/// Filters that are kept; `None` means all stanzas.
pub(super) fn filters(
    core: &Core,
    field: &str,
    asked: Vec<wit::Filter>,
) -> Result<Option<Rc<Filters>>, ErrorCode> {
    compiled(field, asked, |asked| {
        core.xmpp.filters.borrow_mut().filters(asked)
    })
}

/// Filters for one look.
pub(super) fn filters_once(
    core: &Core,
    field: &str,
    asked: Vec<wit::Filter>,
) -> Result<Option<Rc<Filters>>, ErrorCode> {
    compiled(field, asked, |asked| {
        core.xmpp.filters.borrow_mut().filters_once(asked)
    })
}

fn compiled(
    field: &str,
    asked: Vec<wit::Filter>,
    compile: impl FnOnce(Vec<Filter>) -> Result<Rc<Filters>, PatternError>,
) -> Result<Option<Rc<Filters>>, ErrorCode> {
    if asked.is_empty() {
        return Ok(None);
    }
    if asked.len() > XMPP_FILTERS_MAX {
        return Err(invalid(field, format!("more than {XMPP_FILTERS_MAX}")));
    }
    let asked = asked.into_iter().map(filter).collect();
    let found = compile(asked).map_err(|error| pattern_error(field, error))?;
    Ok(Some(found))
}

fn filter(asked: wit::Filter) -> Filter {
    Filter {
        name: asked.name,
        kind: asked.kind,
        from: asked.from,
        id: asked.id,
        namespace: asked.namespace,
        payload: asked.payload,
        contains: asked.contains,
        regex: asked.regex,
    }
}

/// Where in a stanza a value is.
pub(super) fn key(core: &Core, field: &str, asked: wit::Key) -> Result<Rc<KeyPath>, ErrorCode> {
    let mut known = core.xmpp.filters.borrow_mut();
    let found = known.key(asked.path, asked.regex);
    found.map_err(|error| pattern_error(field, error))
}

fn pattern_error(field: &str, error: PatternError) -> ErrorCode {
    match error {
        PatternError::Invalid(fault) => invalid(field, fault),
        PatternError::TooMany => ErrorCode::TooMany(
            "the users of this core hold as many different filters as they may".to_owned(),
        ),
    }
}
