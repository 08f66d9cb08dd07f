//! Settings that scenarios for XMPP servers share.

use super::{Account, Handlers, Mechanism, Result, Security, Session, StreamManagement, reconnect};
use crate::description::Description;
use crate::rand::Rng;
use crate::timing::{Backoff, Duration};
use crate::{Settings, data, ensure};

/// Name of the asset with the certificates of the authorities to trust.
const AUTHORITIES: &str = "xmpp-ca";

/// Pauses before another attempt to connect: drawn below a bound that doubles from the first to the last.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_LAST: Duration = Duration::from_secs(30);

/// Where the server is, and which account a user has there: settings for a scenario's own, to be flattened into them. Names and defaults are
/// those of amoc, where it has them: accounts `user_1@localhost`, `user_2@localhost`, … with the passwords `password_1`, `password_2`, ….
///
/// ```
/// use lt_sdk::prelude::*;
/// use lt_sdk::xmpp::{Login, Session};
///
/// #[derive(Settings)]
/// struct Options {
///     #[setting(flatten)]
///     login: Login,
///     /// What to say
///     #[setting(default = "hello")]
///     message_body: String,
/// }
///
/// struct Guest {
///     session: Session,
///     options: Options,
/// }
///
/// #[lt_sdk::scenario]
/// impl Scenario for Guest {
///     type Settings = Options;
///
///     fn describe(base: Description) -> Description {
///         lt_sdk::xmpp::Login::declare(base)
///     }
///
///     fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
///         options.login.check()?;
///         Ok(Vec::new())
///     }
///
///     fn join(user: &User, options: Options) -> Result<Self> {
///         let session = options.login.connect(user.id, |account| account.presence())?;
///         Ok(Self { session, options })
///     }
///
///     fn iterate(&mut self) -> Result<()> {
///         let to = self.options.login.jid(1);
///         self.session.send(&lt_sdk::xmpp::chat(&to, &self.options.message_body))?;
///         Ok(())
///     }
/// }
/// ```
#[derive(Settings)]
pub struct Login {
    /// Servers, each a host with or without its port; among several, separated by commas, users are dealt out by a hash of their ids. Empty: as
    /// the SRV records of the domain say
    #[setting(default = "127.0.0.1")]
    host: String,
    /// Domain of the accounts
    #[setting(default = "localhost")]
    domain: String,
    /// Connect to this URL (ws or wss, RFC 7395) instead of a TCP port
    websocket_url: Option<String>,
    /// What becomes of a TCP connection
    #[setting(
        default = "starttls",
        allowed("starttls", "starttls-if-offered", "direct-tls", "none")
    )]
    security: String,
    /// SASL mechanism; best is the first that the server offers of all SCRAM forms, the strongest first, and PLAIN if there is TLS
    #[setting(
        default = "best",
        allowed(
            "best",
            "scram-sha-512-plus",
            "scram-sha-256-plus",
            "scram-sha-1-plus",
            "scram-sha-512",
            "scram-sha-256",
            "scram-sha-1",
            "plain"
        )
    )]
    mechanism: String,
    /// Take any certificate, as amoc does. false: only those that authorities vouch for whom the run trusts. Does not count if there is the asset
    /// xmpp-ca
    #[setting(default = true)]
    insecure: bool,
    /// Names of the accounts: this, and the user's id
    #[setting(default = "user_")]
    user_prefix: String,
    /// Their passwords: this, and the user's id
    #[setting(default = "password_", secret)]
    password_prefix: String,
    /// Resource to ask for; without it the server makes one up
    resource: Option<String>,
    /// Local address to connect from
    source_address: Option<String>,
    /// Time for one attempt to connect and log in
    #[setting(default = "60s", min = "1ms")]
    connect_timeout: Duration,
    /// Attempts to connect and log in before a user gives up
    #[setting(default = 1, min = 1)]
    connection_attempts: u32,
    /// Answer pings (XEP-0199), as amoc's ping responder does
    #[setting(default = true)]
    pings: bool,
    /// Enable stream management (XEP-0198), if the server offers it
    #[setting(default = false)]
    stream_management: bool,
    /// Ask for copies of what other sessions of the account send and receive (XEP-0280)
    #[setting(default = false)]
    carbons: bool,
}

impl Login {
    /// Declare the file that the settings speak of: the optional asset `xmpp-ca`, with PEM certificates of the authorities to trust.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("chat", "1.2.0", "");
    /// let description = lt_sdk::xmpp::Login::declare(base);
    /// ```
    #[must_use]
    pub fn declare(base: Description) -> Description {
        base.optional_asset(
            AUTHORITIES,
            "PEM certificates of the authorities to trust: with it, no other certificate is taken",
        )
    }

    /// Refuse what no user could work with: for a scenario's `init`.
    ///
    /// # Errors
    /// With the setting or the asset, and what is wrong with it.
    ///
    /// ```no_run
    /// # fn init(login: &lt_sdk::xmpp::Login) -> lt_sdk::Result<()> {
    /// login.check()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self) -> crate::Result<()> {
        self.check_settings()?;
        if let Some(pem) = authorities()? {
            ensure!(
                has_certificate(&pem),
                "asset {AUTHORITIES}: no PEM certificate in it"
            );
        }
        Ok(())
    }

    fn check_settings(&self) -> crate::Result<()> {
        ensure!(
            !self.domain.is_empty() && !self.domain.contains(['@', '/', ' ']),
            "domain: `{}` is none: give what stands behind the @ of the accounts",
            self.domain
        );
        ensure!(
            !self.user_prefix.contains(['@', '/', ' ']),
            "user-prefix: `{}` cannot begin the name of an account",
            self.user_prefix
        );
        for server in servers(&self.host) {
            ensure!(
                !server.contains(['/', ' ', '@']),
                "host: `{server}` is no server: give a host, with or without its port"
            );
            if let Some(port) = port_of(server) {
                ensure!(
                    port.parse().is_ok_and(|port: u16| port != 0),
                    "host: `{server}`: `{port}` is no port"
                );
            }
        }
        if let Some(url) = &self.websocket_url {
            ensure!(
                url.starts_with("ws://") || url.starts_with("wss://"),
                "websocket-url: `{url}` is no ws or wss URL"
            );
        }
        Ok(())
    }

    /// Domain of the accounts.
    ///
    /// ```no_run
    /// # fn service(login: &lt_sdk::xmpp::Login) -> String {
    /// format!("conference.{}", login.domain())
    /// # }
    /// ```
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Bare JID of the account of the user with this id.
    ///
    /// ```no_run
    /// # fn address(login: &lt_sdk::xmpp::Login) -> String {
    /// login.jid(7) // user_7@localhost
    /// # }
    /// ```
    #[must_use]
    pub fn jid(&self, id: u64) -> String {
        self.named(&id.to_string())
    }

    /// Bare JID of an account with something else behind the prefix than the user's id.
    ///
    /// ```no_run
    /// # fn address(login: &lt_sdk::xmpp::Login) -> String {
    /// login.named("7-again") // user_7-again@localhost
    /// # }
    /// ```
    #[must_use]
    pub fn named(&self, name: &str) -> String {
        [&self.user_prefix, name, "@", &self.domain].concat()
    }

    /// The account of the user with this id, with all that the settings say. Steps behind the usual ones, handlers and the rest are the
    /// scenario's to add.
    ///
    /// # Errors
    /// If the asset with the authorities cannot be read.
    ///
    /// ```no_run
    /// # fn join(user: &lt_sdk::User, login: &lt_sdk::xmpp::Login) -> lt_sdk::Result<()> {
    /// let session = login.account(user.id)?.presence().connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn account(&self, id: u64) -> crate::Result<Account> {
        self.account_named(id, &id.to_string())
    }

    /// The same with something else behind the prefix of the name.
    ///
    /// # Errors
    /// Those of [`account`](Self::account).
    ///
    /// ```no_run
    /// # fn join(user: &lt_sdk::User, login: &lt_sdk::xmpp::Login) -> lt_sdk::Result<()> {
    /// let session = login.account_named(user.id, &format!("{}-again", user.id))?.register().connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_named(&self, id: u64, name: &str) -> crate::Result<Account> {
        let password = [&self.password_prefix, name].concat();
        let mut account = Account::new(self.named(name), password)
            .security(security(&self.security))
            .timeout(self.connect_timeout)
            .step_timeout(self.connect_timeout);
        account = match authorities()? {
            Some(pem) => account.authorities(pem).insecure(false),
            None => account.insecure(self.insecure),
        };
        if let Some(mechanism) = mechanism(&self.mechanism) {
            account = account.mechanism(mechanism);
        }
        if let Some(url) = &self.websocket_url {
            account = account.websocket(url);
        } else if let Some(server) = server_of(&self.host, id) {
            account = account.address(server);
        }
        if let Some(resource) = &self.resource {
            account = account.resource(resource);
        }
        if let Some(address) = &self.source_address {
            account = account.source_address(address);
        }
        if !self.pings {
            account = account.handlers(Handlers::none().disco().version());
        }
        if self.stream_management {
            account = account.stream_management(StreamManagement::new());
        }
        if self.carbons {
            account = account.carbons();
        }
        Ok(account)
    }

    /// Connect and log in, as often as `connection-attempts` allows, with what the scenario adds to the account.
    ///
    /// # Errors
    /// Those of [`account`](Self::account), and the last attempt's.
    ///
    /// ```no_run
    /// # fn join(user: &lt_sdk::User, login: &lt_sdk::xmpp::Login) -> lt_sdk::Result<()> {
    /// let session = login.connect(user.id, |account| account.presence())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(
        &self,
        id: u64,
        with: impl FnOnce(Account) -> Account,
    ) -> crate::Result<Session> {
        let account = with(self.account(id)?);
        let attempts = self.connection_attempts;
        Ok(backoff().retry(attempts, || account.connect())?)
    }

    /// Come back after a session was lost: pause, try, pause longer, until it goes well ([`reconnect`](super::reconnect())).
    ///
    /// # Errors
    /// Those of [`account`](Self::account) and of [`reconnect`](super::reconnect()).
    ///
    /// ```no_run
    /// # fn iterate(session: &mut lt_sdk::xmpp::Session, login: &lt_sdk::xmpp::Login) -> lt_sdk::Result<()> {
    /// if session.closed().is_some() {
    ///     *session = login.reconnect(lt_sdk::user::id(), |account| account.presence())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reconnect(
        &self,
        id: u64,
        with: impl FnOnce(Account) -> Account,
    ) -> crate::Result<Session> {
        let account = with(self.account(id)?);
        let again: Result<Session> = reconnect(&mut backoff(), || account.connect());
        Ok(again?)
    }
}

/// Pauses that follow from the user's seed and the place in its random numbers.
fn backoff() -> Backoff {
    Backoff::new(BACKOFF_FIRST, BACKOFF_LAST, crate::user::rng())
}

/// The asset with the authorities, if the run has it.
fn authorities() -> crate::Result<Option<Vec<u8>>> {
    match data::asset(AUTHORITIES) {
        Ok(asset) => Ok(Some(asset.read_all()?)),
        Err(data::Error::NoSuch(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is a certificate in a PEM file; whether it can be read the host says.
fn has_certificate(pem: &[u8]) -> bool {
    let begin = b"-----BEGIN CERTIFICATE-----";
    pem.windows(begin.len()).any(|window| window == begin)
}

/// What stands in the place of a port behind a host; an IPv6 address has one only behind brackets.
fn port_of(server: &str) -> Option<&str> {
    let (host, port) = server.rsplit_once(':')?;
    (!host.contains(':') || host.ends_with(']')).then_some(port)
}

fn security(name: &str) -> Security {
    match name {
        "starttls-if-offered" => Security::StartTlsIfOffered,
        "direct-tls" => Security::DirectTls,
        "none" => Security::None,
        _ => Security::StartTls,
    }
}

fn mechanism(name: &str) -> Option<Mechanism> {
    Some(match name {
        "scram-sha-512-plus" => Mechanism::ScramSha512Plus,
        "scram-sha-256-plus" => Mechanism::ScramSha256Plus,
        "scram-sha-1-plus" => Mechanism::ScramSha1Plus,
        "scram-sha-512" => Mechanism::ScramSha512,
        "scram-sha-256" => Mechanism::ScramSha256,
        "scram-sha-1" => Mechanism::ScramSha1,
        "plain" => Mechanism::Plain,
        _ => return None,
    })
}

/// The servers of a list.
fn servers(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|server| !server.is_empty())
}

/// The server of the user with this id: a hash of it, so that users who are neighbours are not all on one, and every run agrees.
fn server_of(list: &str, id: u64) -> Option<&str> {
    let count = servers(list).count() as u64;
    servers(list).nth(Rng::new(id).below(count.max(1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_dealt_out_to_the_servers_evenly_and_for_good() {
        let list = " a:5222, b ,,c:5223,";
        assert_eq!(servers(list).collect::<Vec<_>>(), ["a:5222", "b", "c:5223"]);
        for server in servers(list) {
            let users = (1..=3000).filter(|&id| server_of(list, id) == Some(server));
            let users = users.count();
            assert!((900..1100).contains(&users), "{server}: {users}");
        }
        assert_eq!(server_of("one", u64::MAX), Some("one"));
        assert_eq!(server_of(" , ", 1), None);
        assert!((1..100).all(|id| server_of(list, id) == server_of(list, id)));
    }

    /// The settings with all defaults, as far as they are checked.
    fn login(host: &str, domain: &str, user_prefix: &str, url: Option<&str>) -> Login {
        Login {
            host: host.to_owned(),
            domain: domain.to_owned(),
            websocket_url: url.map(str::to_owned),
            security: "starttls".to_owned(),
            mechanism: "best".to_owned(),
            insecure: true,
            user_prefix: user_prefix.to_owned(),
            password_prefix: "password_".to_owned(),
            resource: None,
            source_address: None,
            connect_timeout: Duration::from_secs(60),
            connection_attempts: 1,
            pings: true,
            stream_management: false,
            carbons: false,
        }
    }

    #[test]
    fn what_no_user_could_work_with_is_refused_by_name() {
        let check = |login: Login| login.check_settings().map_err(|error| error.to_string());
        for host in [
            "",
            "127.0.0.1",
            "[::1]:5222,b",
            "::1",
            "[::1]",
            "a:1,b:65535",
        ] {
            assert_eq!(check(login(host, "localhost", "", None)), Ok(()));
        }
        let ws = Some("wss://a/xmpp");
        assert_eq!(check(login("a", "localhost", "user_", ws)), Ok(()));
        for (login, told) in [
            (login("xmpp://a", "b", "c", None), "host: `xmpp://a`"),
            (login("a:port", "b", "c", None), "host: `a:port`: `port`"),
            (login("a,b:0", "b", "c", None), "host: `b:0`: `0`"),
            (login("[::1]:70000", "b", "c", None), "host: `[::1]:70000`"),
            (login("a:", "b", "c", None), "host: `a:`: ``"),
            (login("a", "", "c", None), "domain: ``"),
            (login("a", "x@b", "c", None), "domain: `x@b`"),
            (login("a", "b", "c@", None), "user-prefix: `c@`"),
            (
                login("a", "b", "c", Some("http://a")),
                "websocket-url: `http://a`",
            ),
        ] {
            let error = check(login);
            assert!(
                matches!(&error, Err(text) if text.starts_with(told)),
                "{told}: {error:?}"
            );
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_told_from_one_with() {
        assert!(has_certificate(
            b"by hand\n-----BEGIN CERTIFICATE-----\nMII"
        ));
        for other in ["", "-----BEGIN PRIVATE KEY-----", "-----BEGIN CERT"] {
            assert!(!has_certificate(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn accounts_are_named_as_amocs() {
        let login = login("a", "localhost", "user_", None);
        assert_eq!(login.jid(7), "user_7@localhost");
        assert_eq!(login.named("7-x"), "user_7-x@localhost");
        assert_eq!(login.domain(), "localhost");
    }

    #[test]
    fn every_name_that_is_allowed_is_known() {
        let declared = Login::declarations();
        let of = |name: &str| {
            let setting = declared.iter().find(|setting| setting.name == name);
            setting.unwrap().allowed.clone()
        };
        for name in of("mechanism") {
            assert_eq!(mechanism(&name).is_none(), name == "best", "{name}");
        }
        let known: Vec<_> = of("security").iter().map(|name| security(name)).collect();
        assert_eq!(
            known,
            [
                Security::StartTls,
                Security::StartTlsIfOffered,
                Security::DirectTls,
                Security::None
            ]
        );
    }
}
