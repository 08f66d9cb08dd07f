//! Authenticating (RFC 6120, section 6).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::clock::name_of;
use super::faults::{self, NS_SASL};
use super::steps::{Connecting, unexpected};
use crate::xmpp::sasl::{
    Credentials, Derivation, Exchange, Reply, choose, choose_binding, derive, new_nonce,
};
use crate::xmpp::{Mechanism, Stanza, XmppError};

impl Connecting<'_> {
    /// `sasl`, without what goes into `sasl-compute`, and `restart`.
    pub(super) async fn authenticate(&mut self) -> Result<(), XmppError> {
        let clock = self.clock;
        let (sasl, compute) = (name_of("sasl"), name_of("sasl-compute"));
        let mut spent = Duration::ZERO;
        let begun = self.begin_login();
        let (mut exchange, mut derivation) = clock.part(&sasl, &mut spent, begun).await?;
        while let Some(wanted) = derivation {
            let derived = async { Ok(derive(wanted).await) };
            let keys = clock.step(&compute, derived).await?;
            let answered = async {
                let response = exchange.derived(&keys)?;
                self.respond(&response)?;
                self.go_on(&mut exchange).await
            };
            derivation = clock.part(&sasl, &mut spent, answered).await?;
        }
        clock.record(&sasl, spent);
        self.restart().await
    }

    /// Choose a mechanism and begin. Beside the exchange comes what it needs to go on, unless the server is satisfied.
    async fn begin_login(&mut self) -> Result<(Exchange, Option<Derivation>), XmppError> {
        let offered = &self.features.mechanisms;
        let is_named = self.request.mechanisms.is_some();
        let binding = choose_binding(&self.bindings, &self.features.bindings, is_named);
        let mechanism = choose(
            self.request.mechanisms.as_deref(),
            offered,
            self.tls.is_some(),
            binding.map(std::slice::from_ref).unwrap_or_default(),
        )?;
        let bare = self.plan.bare();
        let credentials = Credentials {
            authcid: self.plan.local.as_deref().unwrap_or_default(),
            password: &self.request.password,
            // A certificate may be good for several.
            authzid: (mechanism == Mechanism::External && self.plan.local.is_some())
                .then_some(&bare),
        };
        let (mut exchange, first) =
            Exchange::begin(mechanism, &credentials, binding, offered, new_nonce())?;
        self.mechanism = mechanism.as_str();
        let first = first.map(|first| match first.as_slice() {
            // So that it is told from none (section 6.4.2).
            [] => "=".to_owned(),
            first => BASE64.encode(first),
        });
        let auth = format!(
            "<auth xmlns='{NS_SASL}' mechanism='{}'>{}</auth>",
            mechanism.as_str(),
            first.unwrap_or_default()
        );
        self.channel()?.queue(auth.as_bytes());
        let derivation = self.go_on(&mut exchange).await?;
        Ok((exchange, derivation))
    }

    /// Answer challenges until something is to be derived, or the server is satisfied and believed.
    async fn go_on(&mut self, exchange: &mut Exchange) -> Result<Option<Derivation>, XmppError> {
        loop {
            let element = self.element().await?;
            if element.namespace() != NS_SASL {
                return Err(unexpected(&element, "an answer of SASL"));
            }
            match element.name() {
                "challenge" => match exchange.challenge(&data_of(&element)?)? {
                    Reply::Respond(response) => self.respond(&response)?,
                    Reply::Derive(derivation) => return Ok(Some(derivation)),
                },
                "success" => {
                    exchange.success(&data_of(&element)?)?;
                    return Ok(None);
                }
                "failure" => return Err(XmppError::Sasl(faults::sasl_failure(&element))),
                _ => return Err(unexpected(&element, "an answer of SASL")),
            }
        }
    }

    fn respond(&mut self, response: &[u8]) -> Result<(), XmppError> {
        let response = BASE64.encode(response);
        let element = format!("<response xmlns='{NS_SASL}'>{response}</response>");
        self.channel()?.queue(element.as_bytes());
        Ok(())
    }
}

/// What an element of SASL carries.
fn data_of(element: &Stanza) -> Result<Vec<u8>, XmppError> {
    let text = element.element().map_err(XmppError::protocol)?.text();
    match text.trim() {
        "" | "=" => Ok(Vec::new()),
        text => BASE64
            .decode(text)
            .map_err(|error| XmppError::protocol(format!("SASL data that is not base64: {error}"))),
    }
}
