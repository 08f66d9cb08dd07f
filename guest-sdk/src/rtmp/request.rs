//! Where to connect, and how: a connection to be.

use super::value::to_host;
use super::{Connection, Result, Value};
use crate::bindings::lt::scenario::http::Tag;
use crate::bindings::lt::scenario::rtmp as host;
use crate::timing::{Duration, nanos};

/// Connect to an application, `rtmp://host/app` or `rtmps://host/app`, and wait until the server has said yes. With other choices:
/// [`Connection::to`].
///
/// # Errors
/// If the server cannot be reached or refuses; see [`Error`](super::Error).
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// let connection = lt_sdk::rtmp::connect("rtmp://127.0.0.1:1935/live")?;
/// # Ok(())
/// # }
/// ```
pub fn connect(url: impl Into<String>) -> Result<Connection> {
    Connection::to(url).connect()
}

/// A connection to be; made by [`Connection::to`].
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::rtmp::Connection;
///
/// # fn iterate() -> Result<()> {
/// let connection = Connection::to("rtmp://127.0.0.1:1935/live")
///     .field("pageUrl", "http://127.0.0.1:8080/")
///     .name("ingest")
///     .timeout(Duration::from_secs(10))
///     .connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is connected"]
pub struct Request {
    url: String,
    /// What a plain request does not have.
    options: Option<Box<host::ConnectOptions>>,
}

impl Connection {
    /// A connection to an application: `rtmp`, by default port 1935, or `rtmps`, port 443. All of the path is the application's name.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let connection = lt_sdk::rtmp::Connection::to("rtmp://127.0.0.1/live/_definst_").name("edge").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn to(url: impl Into<String>) -> Request {
        Request {
            url: url.into(),
            options: None,
        }
    }
}

impl Request {
    fn options(&mut self) -> &mut host::ConnectOptions {
        self.options.get_or_insert_with(|| {
            Box::new(host::ConnectOptions {
                timeout: None,
                app: None,
                tc_url: None,
                credentials: None,
                fields: Vec::new(),
                arguments: Vec::new(),
                chunk_bytes: None,
                tls: None,
                name: None,
                tags: Vec::new(),
            })
        })
    }

    fn tls(&mut self) -> &mut host::TlsOptions {
        self.options().tls.get_or_insert(host::TlsOptions {
            authorities: None,
            identity: None,
            insecure: None,
        })
    }

    /// Time for all of connecting: 30 s; not zero.
    ///
    /// ```
    /// # use lt_sdk::{rtmp::Connection, timing::Duration};
    /// let request = Connection::to("rtmp://127.0.0.1/live").timeout(Duration::from_secs(5));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options().timeout = Some(nanos(timeout));
        self
    }

    /// Another application than the URL's path.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmp://127.0.0.1/").app("live/_definst_");
    /// ```
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.options().app = Some(app.into());
        self
    }

    /// What is given as `tcUrl`, instead of scheme, host, port and application.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmp://127.0.0.1/live").tc_url("rtmp://cdn.test/live");
    /// ```
    pub fn tc_url(mut self, url: impl Into<String>) -> Self {
        self.options().tc_url = Some(url.into());
        self
    }

    /// Name and password, for servers that ask for them as Adobe's and Wowza's or Limelight's do. The password is never sent as it is. Without
    /// it, those in the URL count: `rtmp://user:password@host/app`. Servers that look at a stream's name or the URL's query need
    /// nothing here.
    ///
    /// ```no_run
    /// # use lt_sdk::rtmp::Connection;
    /// # fn connect(password: &str) -> lt_sdk::rtmp::Result<Connection> {
    /// Connection::to("rtmp://127.0.0.1/live").credentials("publisher", password).connect()
    /// # }
    /// ```
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.options().credentials = Some(host::Credentials {
            user: user.into(),
            password: password.into(),
        });
        self
    }

    /// Another field of the connect command's object, or another value of `flashVer`, `swfUrl`, `pageUrl` and the like.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmp://127.0.0.1/live").field("flashVer", "LNX 9,0,124,2");
    /// ```
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let field = (name.into(), value.into().into());
        self.options().fields.push(field);
        self
    }

    /// A further argument of the connect command, behind its object.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmp://127.0.0.1/live").argument("token").argument(7);
    /// ```
    pub fn argument(mut self, value: impl Into<Value>) -> Self {
        self.options().arguments.extend(to_host([value.into()]));
        self
    }

    /// Size of the chunks that are sent (section 5.4.1): 4 096 bytes unless given, 128 to 65 536.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmp://127.0.0.1/live").chunk_bytes(128);
    /// ```
    pub fn chunk_bytes(mut self, bytes: u32) -> Self {
        self.options().chunk_bytes = Some(bytes);
        self
    }

    /// Trust these authorities (PEM certificates) instead of the user's, over `rtmps`.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// use lt_sdk::{data, rtmp::Connection};
    ///
    /// let request = Connection::to("rtmps://127.0.0.1/live").authorities(data::asset("ca")?.read_all()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls().authorities = Some(pem.into());
        self
    }

    /// Show this certificate (PEM chain and PEM private key).
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// # let (chain, key) = (Vec::new(), Vec::new());
    /// let request = Connection::to("rtmps://127.0.0.1/live").identity(chain, key);
    /// ```
    pub fn identity(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls().identity = Some((chain.into(), key.into()));
        self
    }

    /// Whether to take any certificate.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmps://127.0.0.1/live").insecure(true);
    /// ```
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.tls().insecure = Some(insecure);
        self
    }

    /// Group this connection's samples under one name: the tag `name`, which is host and application unless given. Its streams have it too.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmp://127.0.0.1/live").name("ingest");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options().name = Some(name.into());
        self
    }

    /// Add a tag to this connection's samples.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Connection;
    /// let request = Connection::to("rtmp://127.0.0.1/live").tag("region", "north");
    /// ```
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options().tags.push(Tag {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Connect, and wait until the server has said yes: one attempt. A user may have 64 sockets, sessions and connections together.
    ///
    /// # Errors
    /// If the server cannot be reached, is none of RTMP, or refuses; see [`Error`](super::Error).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::rtmp::Connection;
    /// let connection = Connection::to("rtmp://127.0.0.1/live").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self) -> Result<Connection> {
        let connection = host::Connection::connect(&self.url, self.options.as_deref())?;
        Ok(Connection::from_host(connection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_holds_nothing_but_its_url() {
        let request = Connection::to("rtmp://a/b");
        assert_eq!(request.url, "rtmp://a/b");
        assert!(request.options.is_none());
    }

    #[test]
    fn choices_reach_the_contract() {
        let request = Connection::to("rtmp://a/b")
            .timeout(Duration::from_millis(1))
            .app("c")
            .tc_url("rtmp://d/e")
            .credentials("user", "word")
            .field("swfUrl", "f")
            .argument(7)
            .argument(())
            .chunk_bytes(128)
            .authorities(b"ca")
            .identity(b"chain", b"key")
            .insecure(false)
            .name("ingest")
            .tag("k", "v");
        let options = request.options.unwrap();
        assert_eq!(options.timeout, Some(1_000_000));
        assert_eq!(options.app.as_deref(), Some("c"));
        assert_eq!(options.tc_url.as_deref(), Some("rtmp://d/e"));
        let credentials = options.credentials.unwrap();
        assert_eq!(
            (credentials.user.as_str(), credentials.password.as_str()),
            ("user", "word")
        );
        assert_eq!(options.fields[0].0, "swfUrl");
        assert!(matches!(
            options.arguments[..],
            [host::AmfValue::Number(7.0), host::AmfValue::Null]
        ));
        assert_eq!(options.chunk_bytes, Some(128));
        let tls = options.tls.unwrap();
        assert_eq!(tls.authorities.as_deref(), Some(&b"ca"[..]));
        assert_eq!(tls.identity, Some((b"chain".to_vec(), b"key".to_vec())));
        assert_eq!(tls.insecure, Some(false));
        assert_eq!(options.name.as_deref(), Some("ingest"));
        assert_eq!(options.tags[0].value, "v");
    }
}
