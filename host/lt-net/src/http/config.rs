//! How a user's client behaves: the run's settings, and what a guest changes of them.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::request::check_value;
use crate::dial::proxy::Proxy;
use crate::dial::{Network, Route};
use crate::error::NetError;

/// Time for a whole exchange unless the run or the request says otherwise (k6's default).
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

/// Most redirects followed unless the run or the request says otherwise (k6's default).
pub const MAX_REDIRECTS_DEFAULT: u32 = 10;

/// The `user-agent` unless the run or the guest says otherwise.
pub const USER_AGENT_DEFAULT: &str = concat!("lt-host/", env!("CARGO_PKG_VERSION"));

/// The settings of a client. One value serves all users with the same settings.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Time for a whole exchange, redirects included.
    pub timeout: Duration,
    /// Most redirects followed.
    pub max_redirects: u32,
    /// Whether bodies are kept unless a request says otherwise.
    pub keep_bodies: bool,
    /// The `user-agent`; empty sends none.
    pub user_agent: String,
    /// Whether requests use a connection again unless they say otherwise (k6's `noConnectionReuse` is its opposite).
    pub connection_reuse: bool,
    /// Whether connections stay open from one iteration to the next (k6's `noVUConnectionReuse` is its opposite).
    pub reuse_between_iterations: bool,
    /// How connections are made.
    pub route: Rc<Route>,
}

impl ClientConfig {
    /// The defaults over this route.
    #[must_use]
    pub fn new(route: Rc<Route>) -> Self {
        Self {
            timeout: TIMEOUT_DEFAULT,
            max_redirects: MAX_REDIRECTS_DEFAULT,
            keep_bodies: true,
            user_agent: USER_AGENT_DEFAULT.to_owned(),
            connection_reuse: true,
            reuse_between_iterations: true,
            route,
        }
    }

    /// These settings with a guest's changes.
    ///
    /// # Errors
    /// `invalid-request`, naming the field.
    pub(crate) fn with(&self, network: &Network, changes: ClientChanges) -> Result<Self, NetError> {
        let mut config = self.clone();
        let mut route = (*self.route).clone();
        let mut tls = route.tls.settings().clone();
        tls.authorities = changes.authorities.or(tls.authorities);
        tls.identity = changes.identity.or(tls.identity);
        tls.insecure = changes.insecure.unwrap_or(tls.insecure);
        tls.resumption = changes.resumption.unwrap_or(tls.resumption);
        if tls != *route.tls.settings() {
            route.tls = network.tls_profile(&tls)?;
        }
        if let Some(proxy) = &changes.proxy {
            route.proxy = Proxy::parse(proxy)?;
        }
        if let Some(address) = &changes.local_address {
            let address = address.parse::<IpAddr>().map_err(|_| {
                NetError::InvalidRequest(format!("local-address: {address:?} is not an IP address"))
            })?;
            route.local_address = Some(address);
        }
        if let Some(user_agent) = changes.user_agent {
            check_value("user-agent", user_agent.as_bytes())?;
            config.user_agent = user_agent;
        }
        config.route = Rc::new(route);
        Ok(config)
    }
}

/// What a guest wants different from the run's settings: `client-config` of `wit/http.wit`. Every `None` keeps the run's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientChanges {
    /// PEM certificates of authorities to trust instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// PEM certificate chain and private key to show the server.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Accept any certificate.
    pub insecure: Option<bool>,
    /// Resume TLS sessions.
    pub resumption: Option<bool>,
    /// `http://[user:password@]host:port`; an empty text means none.
    pub proxy: Option<String>,
    /// Local IP address to connect from.
    pub local_address: Option<String>,
    /// Value of `user-agent`; an empty text sends none.
    pub user_agent: Option<String>,
}
