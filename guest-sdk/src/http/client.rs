//! The user's client: cookies, connections, and how it behaves.

use super::Result;
use crate::bindings::lt::scenario::http as host;

/// A cookie of this user.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// for cookie in lt_sdk::http::cookies("http://127.0.0.1:8080/")? {
///     lt_sdk::log::debug!("{} = {}", cookie.name, cookie.value);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// The cookies that a request to this URL would carry (RFC 6265, section 5.4).
///
/// # Errors
/// If it is no URL.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// let signed_in = lt_sdk::http::cookies("http://127.0.0.1:8080/")?.iter().any(|cookie| cookie.name == "session");
/// # Ok(())
/// # }
/// ```
pub fn cookies(url: &str) -> Result<Vec<Cookie>> {
    let cookies = host::cookies(url)?;
    Ok(cookies
        .into_iter()
        .map(|cookie| Cookie {
            name: cookie.name,
            value: cookie.value,
        })
        .collect())
}

/// The value of one cookie that a request to this URL would carry.
///
/// # Errors
/// If it is no URL.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// let token = lt_sdk::http::cookie("http://127.0.0.1:8080/", "csrftoken")?;
/// # Ok(())
/// # }
/// ```
pub fn cookie(url: &str, name: &str) -> Result<Option<String>> {
    let found = host::cookies(url)?
        .into_iter()
        .find(|cookie| cookie.name == name);
    Ok(found.map(|cookie| cookie.value))
}

/// Store a cookie as if `url` had answered with this `set-cookie` value.
///
/// # Errors
/// If it is no URL, or no cookie that this URL may set.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// lt_sdk::http::set_cookie("http://127.0.0.1:8080/", "consent=yes; path=/")?;
/// # Ok(())
/// # }
/// ```
pub fn set_cookie(url: &str, set_cookie: &str) -> Result<()> {
    Ok(host::set_cookie(url, set_cookie)?)
}

/// Forget all cookies of this user.
///
/// ```no_run
/// lt_sdk::http::clear_cookies();
/// ```
pub fn clear_cookies() {
    host::clear_cookies();
}

/// Close this user's idle connections: the next request connects anew.
///
/// ```no_run
/// lt_sdk::http::close_connections();
/// ```
pub fn close_connections() {
    host::close_connections();
}

/// How this user's client behaves, where it differs from the run's settings.
///
/// Equal TLS settings of many users share one configuration in the host.
///
/// ```no_run
/// use lt_sdk::http::ClientConfig;
///
/// # fn main() -> lt_sdk::Result<()> {
/// ClientConfig::new().insecure(true).user_agent("crawler").apply()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing changes until it is applied"]
pub struct ClientConfig(host::ClientConfig);

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientConfig {
    /// The run's settings.
    ///
    /// ```
    /// let config = lt_sdk::http::ClientConfig::new();
    /// ```
    pub const fn new() -> Self {
        Self(host::ClientConfig {
            authorities: None,
            identity: None,
            insecure: None,
            resumption: None,
            proxy: None,
            local_address: None,
            user_agent: None,
        })
    }

    /// Trust these authorities (PEM certificates) instead of the system's.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # let pem = "";
    /// lt_sdk::http::ClientConfig::new().authorities(pem).apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.0.authorities = Some(pem.into());
        self
    }

    /// Show this certificate chain to the server, with its private key (PEM; mTLS).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # let (chain, key) = ("", "");
    /// lt_sdk::http::ClientConfig::new().identity(chain, key).apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn identity(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.0.identity = Some((chain.into(), key.into()));
        self
    }

    /// Accept any certificate.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::ClientConfig::new().insecure(true).apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn insecure(mut self, insecure: bool) -> Self {
        self.0.insecure = Some(insecure);
        self
    }

    /// Resume TLS sessions. A resumed handshake is cheaper than a new user's; `false` makes each connection pay in full.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::ClientConfig::new().resumption(false).apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn resumption(mut self, resumption: bool) -> Self {
        self.0.resumption = Some(resumption);
        self
    }

    /// Send everything through a proxy: `http://[user:password@]host:port`; an empty text means none.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::ClientConfig::new().proxy("http://127.0.0.1:3128").apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.0.proxy = Some(url.into());
        self
    }

    /// Connect from this local IP address.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::ClientConfig::new().local_address("127.0.0.2").apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_address(mut self, address: impl Into<String>) -> Self {
        self.0.local_address = Some(address.into());
        self
    }

    /// Another `user-agent`; an empty text sends none.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::ClientConfig::new().user_agent("Mozilla/5.0").apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.0.user_agent = Some(user_agent.into());
        self
    }

    /// Make this user's client so. Open connections are closed; cookies stay.
    ///
    /// # Errors
    /// If a value cannot be used; the error names it.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// lt_sdk::http::ClientConfig::new().insecure(true).apply()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn apply(self) -> Result<()> {
        Ok(host::configure(&self.0)?)
    }
}
