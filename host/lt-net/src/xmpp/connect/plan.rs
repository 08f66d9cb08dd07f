//! What a request asks for, checked before anything is attempted.

use crate::dial::host::Host;
use crate::error::NetError;
use crate::xmpp::{ConnectRequest, Mechanism, Security, Step, Transport, XmppError, jid};

/// Who is to be connected, and to where.
#[derive(Debug)]
pub(super) struct Plan {
    /// The part of the JID before the `@`.
    pub(super) local: Option<String>,
    /// The domain.
    pub(super) domain: String,
    /// The resource that is asked for.
    pub(super) resource: Option<String>,
    /// Where to connect to, if that was said: a host, and a port.
    pub(super) address: Option<(String, Option<u16>)>,
}

impl Plan {
    /// Check a request.
    ///
    /// # Errors
    /// `InvalidRequest`, naming the field.
    pub(super) fn of(request: &ConnectRequest) -> Result<Self, XmppError> {
        let jid = jid::parse(&request.jid).map_err(|why| invalid("jid", &why))?;
        let address = request.address.as_deref().map(parse_address).transpose()?;
        if request.timeout.is_zero() {
            return Err(invalid("timeout", "zero"));
        }
        if request.step_timeout.is_zero() {
            return Err(invalid("step-timeout", "zero"));
        }
        if request.mechanisms.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("mechanisms", "none"));
        }
        check_steps(&request.steps)?;
        check_credentials(request, jid.node().map_or("", |node| node.as_str()))?;
        check_security(request)?;
        let plan = Self {
            local: jid.node().map(ToString::to_string),
            domain: jid.domain().to_string(),
            resource: jid.resource().map(ToString::to_string),
            address,
        };
        if plan.local.is_none() && needs_name(request) {
            return Err(invalid("jid", "no name before the domain"));
        }
        Ok(plan)
    }

    /// The account.
    pub(super) fn bare(&self) -> String {
        match &self.local {
            Some(local) => format!("{local}@{}", self.domain),
            None => self.domain.clone(),
        }
    }
}

/// Whether somebody without a name cannot do these steps.
fn needs_name(request: &ConnectRequest) -> bool {
    let nameless = |mechanism: &Mechanism| {
        matches!(
            mechanism,
            Mechanism::Anonymous | Mechanism::External | Mechanism::XOauth2
        )
    };
    let named = request
        .mechanisms
        .as_ref()
        .is_none_or(|mechanisms| !mechanisms.iter().all(nameless));
    request.steps.iter().any(|step| match step {
        Step::Register(_) => true,
        Step::Authenticate => named,
        _ => false,
    })
}

/// Whether what may be asked for can be said: all mechanisms that may come to be used must be able to.
fn check_credentials(request: &ConnectRequest, authcid: &str) -> Result<(), XmppError> {
    let logs_in = |step: &Step| matches!(step, Step::Authenticate);
    if !request.steps.iter().any(logs_in) {
        return Ok(());
    }
    // Left out, it is the SCRAMs and PLAIN.
    let wanted = request.mechanisms.as_deref();
    let wanted = wanted.unwrap_or(&[Mechanism::ScramSha1, Mechanism::Plain]);
    wanted
        .iter()
        .try_for_each(|mechanism| mechanism.check(authcid, &request.password))
}

fn check_steps(steps: &[Step]) -> Result<(), XmppError> {
    let place = |wanted: fn(&Step) -> bool| steps.iter().position(wanted);
    let first = place(|step| !matches!(step, Step::Custom(_)));
    let stream = place(|step| matches!(step, Step::Stream));
    if stream.is_none() || stream != first {
        return Err(invalid(
            "steps",
            "`stream` must go before all that need one",
        ));
    }
    let is_before = |first: Option<usize>, second: Option<usize>| {
        first
            .zip(second)
            .is_some_and(|(first, second)| first < second)
    };
    let bind = place(|step| matches!(step, Step::Bind));
    if is_before(bind, place(|step| matches!(step, Step::Resume))) {
        return Err(invalid("steps", "`resume` after `bind`"));
    }
    let bound = place(|step| matches!(step, Step::Resume | Step::Bind));
    if is_before(bound, place(|step| matches!(step, Step::Authenticate))) {
        return Err(invalid("steps", "`authenticate` after `resume` or `bind`"));
    }
    for step in steps {
        if let Step::Register(fields) = step
            && let Some((name, _)) = fields.iter().find(|(name, _)| !is_field_name(name))
        {
            return Err(invalid("steps", &format!("{name:?} is no field's name")));
        }
    }
    Ok(())
}

/// Whoever asks for TLS gets it before the password is sent, or nothing.
fn check_security(request: &ConnectRequest) -> Result<(), XmppError> {
    let wants_tls = matches!(
        request.security,
        Security::StartTls | Security::StartTlsIfOffered
    );
    if !wants_tls || request.transport != Transport::Tcp {
        return Ok(());
    }
    let place = |wanted: fn(&Step) -> bool| request.steps.iter().position(wanted);
    let tls = place(|step| matches!(step, Step::Tls));
    let secret = place(|step| matches!(step, Step::Register(_) | Step::Authenticate));
    match (tls, secret) {
        (None, _) if request.security == Security::StartTls => {
            Err(invalid("steps", "security `starttls` needs the step `tls`"))
        }
        (Some(tls), Some(secret)) if secret < tls => Err(invalid(
            "steps",
            "`tls` after a step that sends the password",
        )),
        _ => Ok(()),
    }
}

/// Names that are elements' names and need no escape, as all of XEP-0077 are.
fn is_field_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// A host, or a host and a port; an IPv6 address with a port stands in brackets.
pub(super) fn parse_address(text: &str) -> Result<(String, Option<u16>), XmppError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port != 0 => Some(port),
            _ => return Err(invalid("address", &format!("{port:?} is no port"))),
        },
    };
    let host = Host::parse(host).map_err(|error| invalid("address", &error.to_string()))?;
    Ok((host.name, port))
}

fn invalid(field: &str, why: &str) -> XmppError {
    NetError::InvalidRequest(format!("{field}: {why}")).into()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
