//! What guests that speak XMPP share.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Account, Close, Error, Mechanism, Security, Session};

/// Where the server is, and who the user is there.
#[derive(Settings)]
pub struct Server {
    /// Host and port to connect to
    address: Option<String>,
    /// WebSocket to connect to instead
    websocket_url: Option<String>,
    /// Domain of the accounts
    #[setting(default = "localhost")]
    pub domain: String,
    /// The account, instead of the prefix and the user's id
    account: Option<String>,
    /// What the names of accounts begin with
    #[setting(default = "user_")]
    prefix: String,
    /// Its password, instead of password_ and the user's id
    password: Option<String>,
    /// What becomes of a TCP connection
    #[setting(default = "starttls")]
    security: String,
    /// SASL mechanisms, the most wanted first, separated by commas; empty for those that lt-host would take
    #[setting(default = "")]
    mechanisms: String,
    /// Take any certificate
    #[setting(default = false)]
    insecure: bool,
    /// Resource to ask for
    resource: Option<String>,
    /// Local address to connect from
    source_address: Option<String>,
    /// Time for connecting, and for each step of it
    #[setting(default = "20s")]
    timeout: Duration,
    /// Time for each step, if it differs
    step_timeout: Option<Duration>,
    /// Longest stanza to take in
    stanza_bytes_max: Option<u32>,
}

const MECHANISMS: [(&str, Mechanism); 9] = [
    ("SCRAM-SHA-512", Mechanism::ScramSha512),
    ("SCRAM-SHA-256-PLUS", Mechanism::ScramSha256Plus),
    ("SCRAM-SHA-256", Mechanism::ScramSha256),
    ("SCRAM-SHA-1-PLUS", Mechanism::ScramSha1Plus),
    ("SCRAM-SHA-1", Mechanism::ScramSha1),
    ("PLAIN", Mechanism::Plain),
    ("EXTERNAL", Mechanism::External),
    ("ANONYMOUS", Mechanism::Anonymous),
    ("X-OAUTH2", Mechanism::XOauth2),
];

impl Server {
    /// The user's account, with what the settings say.
    ///
    /// # Errors
    /// If a setting has no meaning.
    pub fn account(&self) -> Result<Account> {
        let local = match &self.account {
            Some(account) => account.clone(),
            None => format!("{}{}", self.prefix, user::id()),
        };
        let password = match &self.password {
            Some(password) => password.clone(),
            None => format!("password_{}", user::id()),
        };
        self.account_of(&local, &password)
    }

    /// Another account there; without a name it is nobody's.
    ///
    /// # Errors
    /// If a setting has no meaning.
    pub fn account_of(&self, local: &str, password: &str) -> Result<Account> {
        let jid = match local {
            "" => self.domain.clone(),
            _ => format!("{local}@{}", self.domain),
        };
        let mut account = Account::new(jid, password)
            .security(match self.security.as_str() {
                "starttls" => Security::StartTls,
                "starttls-if-offered" => Security::StartTlsIfOffered,
                "direct-tls" => Security::DirectTls,
                "none" => Security::None,
                other => bail!("security {other}"),
            })
            .timeout(self.timeout)
            .step_timeout(self.step_timeout.unwrap_or(self.timeout))
            .name("guest");
        let mut mechanisms = Vec::new();
        for name in self.mechanisms.split(',').filter(|name| !name.is_empty()) {
            let found = MECHANISMS.iter().find(|(known, _)| *known == name);
            let Some((_, mechanism)) = found else {
                bail!("mechanism {name}");
            };
            mechanisms.push(*mechanism);
        }
        if !mechanisms.is_empty() {
            account = account.mechanisms(mechanisms);
        }
        if self.insecure {
            account = account.insecure(true);
        }
        if let Some(address) = &self.address {
            account = account.address(address.as_str());
        }
        if let Some(url) = &self.websocket_url {
            account = account.websocket(url.as_str());
        }
        if let Some(resource) = &self.resource {
            account = account.resource(resource);
        }
        if let Some(address) = &self.source_address {
            account = account.source_address(address.as_str());
        }
        if let Some(bytes) = self.stanza_bytes_max {
            account = account.stanza_bytes_max(bytes);
        }
        Ok(account)
    }

    /// Connect.
    ///
    /// # Errors
    /// Those of [`account`](Self::account), and of connecting.
    pub fn connect(&self) -> Result<Session> {
        Ok(self.account()?.connect()?)
    }
}

/// The name of an error's case in the contract.
#[must_use]
pub fn case(error: &Error) -> &'static str {
    match error {
        Error::InvalidRequest(_) => "invalid-request",
        Error::Network(_) => "network",
        Error::UpgradeRefused(_) => "upgrade-refused",
        Error::StartTlsRefused(_) => "starttls-refused",
        Error::NoMechanism(_) => "no-mechanism",
        Error::Sasl(_) => "sasl",
        Error::ServerNotTrusted(_) => "server-not-trusted",
        Error::Stream(_) => "stream",
        Error::Protocol(_) => "protocol",
        Error::TooLargeReceived(_) => "too-large-received",
        Error::Refused(_) => "refused",
        Error::StepTimeout(_) => "step-timeout",
        Error::NotOffered(_) => "not-offered",
        Error::Closed(_) => "closed",
        Error::Timeout => "timeout",
        Error::Stopping => "stopping",
        Error::TooLarge(_) => "too-large",
        Error::TooMany(_) => "too-many",
        Error::AlreadyFinished => "already-finished",
        Error::Xml(_) => "xml",
        _ => "other",
    }
}

/// Whether it failed in this way.
#[must_use]
pub fn is_case<T>(result: &xmpp::Result<T>, name: &str) -> bool {
    matches!(result, Err(error) if case(error) == name)
}

/// Say how a session ended, for the test to read.
pub fn tell_close(close: &Close) {
    log::info!(
        "ending={} condition={} text={:?}",
        close.ending,
        close.condition,
        close.text
    );
}
