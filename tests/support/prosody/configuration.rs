//! What prosody is told to be.

use std::path::Path;

use crate::certificates::Authority;
use crate::temp::TempDir;

/// Ports of one prosody, in the order of [`Ports`].
pub(super) const PORTS: usize = 4;

/// Its hosts. All but [`host::ANONYMOUS`] and [`host::CERTIFICATES`] have the accounts `user_1@…` with `password_1`, and so on.
pub mod host {
    /// Accounts with SHA-1, prosody's default. Rooms are at `muc.localhost`, nodes at `pubsub.localhost`, slots at `upload.localhost`.
    pub const SHA1: &str = "localhost";
    /// Accounts with SHA-256.
    pub const SHA256: &str = "sha256.test";
    /// Accounts with SHA-256, and channel binding to the server's certificate (`tls-server-end-point`).
    pub const BINDING: &str = "binding.test";
    /// Everybody may come in, and is nobody.
    pub const ANONYMOUS: &str = "anonymous.test";
    /// The common name of a certificate says who somebody is.
    pub const CERTIFICATES: &str = "certificates.test";
    /// A host whose certificate expired.
    pub const EXPIRED: &str = "expired.test";
    /// A host with the certificate of another.
    pub const WRONG_NAME: &str = "wrong-name.test";
    /// A host that has no TLS, and asks for none.
    pub const PLAIN: &str = "plain.test";
}

/// One port a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) direct_tls: u16,
    pub(super) http: u16,
    pub(super) https: u16,
}

impl Ports {
    pub(super) fn choose(free: &[u16]) -> Self {
        Self {
            client: free[0],
            direct_tls: free[1],
            http: free[2],
            https: free[3],
        }
    }

    pub(super) fn all(self) -> [u16; PORTS] {
        [self.client, self.direct_tls, self.http, self.https]
    }
}

/// What differs from test to test.
#[derive(Clone, Debug)]
pub struct Options {
    /// Accounts of `localhost` and `sha256.test`: `user_1` with `password_1` and so on. The other hosts have 20.
    pub users: u32,
    /// Rounds of their keys; RFC 7677 asks for 4 096 at least.
    pub rounds: u32,
    /// The host whose accounts have their keys from the start, which takes a millisecond or two each. Those of others are derived at the
    /// first login of each.
    pub derived: Option<&'static str>,
    /// Entries in the roster of `user_1`.
    pub contacts: u32,
    /// Whether clients must use TLS.
    pub require_encryption: bool,
    /// Whether messages are archived (XEP-0313). With its files for each message, prosody is slow with it.
    pub archive: bool,
    /// Longest stanza that it takes; not below 10 000.
    pub stanza_bytes_max: u32,
    /// Bytes a second that it takes from one client: `10kb/s`. It reads more slowly then.
    pub rate: Option<&'static str>,
    /// Of two clients with the same resource, refuse the second instead of ending the first.
    pub refuse_second: bool,
    /// Seconds that it keeps a stream that may be resumed.
    pub resume_seconds: u32,
    /// Whether clients may register (XEP-0077).
    pub registration: bool,
    /// Whether clients may say their passwords without TLS, which the host without TLS lets them do anyway.
    pub plain_without_tls: bool,
    /// Log all it does instead of the most important.
    pub debug: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            users: 20,
            rounds: 4096,
            derived: None,
            contacts: 0,
            require_encryption: false,
            archive: true,
            stanza_bytes_max: 256 << 10,
            rate: None,
            refuse_second: false,
            resume_seconds: 60,
            registration: true,
            plain_without_tls: false,
            debug: false,
        }
    }
}

pub(super) fn write_certificates(directory: &TempDir, authority: &Authority) {
    let here = [
        host::SHA1,
        host::SHA256,
        host::BINDING,
        host::ANONYMOUS,
        host::CERTIFICATES,
        "127.0.0.1",
    ];
    for (name, leaf) in [
        ("good", authority.server(&here)),
        ("expired", authority.expired_server(&[host::EXPIRED])),
        ("wrong_name", authority.server(&["elsewhere.test"])),
    ] {
        directory.write(&format!("{name}.pem"), leaf.certificate);
        directory.write(&format!("{name}.key"), leaf.key);
    }
    directory.write("authority.pem", authority.pem());
}

/// Modules of ours, beside prosody's.
pub(super) fn write_modules(directory: &TempDir) {
    for (name, text) in [
        ("mod_suite.lua", include_str!("mod_suite.lua")),
        (
            "mod_suite_binding.lua",
            include_str!("mod_suite_binding.lua"),
        ),
        ("mod_suite_pubsub.lua", include_str!("mod_suite_pubsub.lua")),
        (
            "mod_auth_suite_certificate.lua",
            include_str!("mod_auth_suite_certificate.lua"),
        ),
    ] {
        directory.write(&format!("modules/{name}"), text);
    }
}

/// The whole configuration.
pub(super) fn configuration(directory: &Path, ports: Ports, options: &Options) -> String {
    format!(
        "{}\n{}\n{}",
        services(directory, ports, options),
        behaviour(options),
        hosts(directory, ports)
    )
}

/// Files and ports. There are no other servers in this world, so the module that looks for them is off. Thousands may come at once: they wait, and are
/// not turned away.
fn services(directory: &Path, ports: Ports, options: &Options) -> String {
    let directory = directory.display();
    let Ports {
        client,
        direct_tls,
        http,
        https,
    } = ports;
    let level = if options.debug { "debug" } else { "info" };
    format!(
        r#"
run_as_root = true
daemonize = false
data_path = "{directory}/data"
certificates = "{directory}/data"
plugin_paths = {{ "{directory}/modules" }}
pidfile = "{directory}/prosody.pid"
log = {{ {{ levels = {{ min = "{level}" }}, to = "file", filename = "{directory}/prosody.log" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {client} }}
c2s_direct_tls_ports = {{ {direct_tls} }}
http_ports = {{ {http} }}
https_ports = {{ {https} }}
http_interfaces = {{ "127.0.0.1" }}
https_interfaces = {{ "127.0.0.1" }}
http_default_host = "localhost"
ssl = {{ certificate = "{directory}/good.pem", key = "{directory}/good.key" }}
network_settings = {{ tcp_backlog = 4096 }}
modules_disabled = {{ "s2s" }}
suite_users = {users}
default_iteration_count = {rounds}
suite_derived = "{derived}"
"#,
        users = options.users,
        rounds = options.rounds,
        derived = options.derived.unwrap_or_default(),
    )
}

/// What it does for its clients.
fn behaviour(options: &Options) -> String {
    let mut modules = String::from(MODULES);
    if options.archive {
        modules.push_str(r#""mam"; "#);
    }
    let limits = options.rate.map_or_else(String::new, |rate| {
        modules.push_str(r#""limits"; "#);
        format!(r#"limits = {{ c2s = {{ rate = "{rate}"; burst = "1s" }} }}"#)
    });
    let conflict = if options.refuse_second {
        "kick_new"
    } else {
        "kick_old"
    };
    format!(
        r#"
modules_enabled = {{ {modules} }}
{limits}
c2s_require_encryption = {require_encryption}
allow_unencrypted_plain_auth = {plain_without_tls}
consider_websocket_secure = true
allow_registration = {registration}
c2s_stanza_size_limit = {stanza_bytes_max}
c2s_close_timeout = 2
conflict_resolve = "{conflict}"
smacks_hibernation_time = {resume_seconds}
archive_expires_after = "never"
suite_contacts = {contacts}
"#,
        require_encryption = options.require_encryption,
        plain_without_tls = options.plain_without_tls,
        registration = options.registration,
        stanza_bytes_max = options.stanza_bytes_max,
        resume_seconds = options.resume_seconds,
        contacts = options.contacts,
    )
}

/// All of them are in prosody itself, but for ours.
const MODULES: &str = r#""roster"; "saslauth"; "tls"; "disco"; "ping"; "register"; "carbons"; "smacks"; "pep"; "blocklist";
    "csi_simple"; "vcard_legacy"; "version"; "time"; "lastactivity"; "private"; "websocket"; "suite"; "#;

fn hosts(directory: &Path, ports: Ports) -> String {
    let directory = directory.display();
    let http = ports.http;
    format!(
        r#"
VirtualHost "{sha1}"
VirtualHost "{sha256}"
  password_hash = "SHA-256"
VirtualHost "{binding}"
  suite_users = 20
  password_hash = "SHA-256"
  modules_enabled = {{ "suite_binding" }}
  suite_certificate = "{directory}/good.pem"
VirtualHost "{anonymous}"
  authentication = "anonymous"
VirtualHost "{certificates}"
  authentication = "suite_certificate"
  ssl = {{ certificate = "{directory}/good.pem", key = "{directory}/good.key", cafile = "{directory}/authority.pem",
    verify = {{ "peer", "fail_if_no_peer_cert" }}, verifyext = {{ lsec_ignore_purpose = false }} }}
VirtualHost "{expired}"
  suite_users = 20
  ssl = {{ certificate = "{directory}/expired.pem", key = "{directory}/expired.key" }}
VirtualHost "{wrong_name}"
  suite_users = 20
  ssl = {{ certificate = "{directory}/wrong_name.pem", key = "{directory}/wrong_name.key" }}
VirtualHost "{plain}"
  suite_users = 20
  modules_disabled = {{ "tls" }}
  c2s_require_encryption = false
  allow_unencrypted_plain_auth = true
Component "muc.localhost" "muc"
  muc_room_cache_size = 10000
  modules_enabled = {{ "muc_mam" }}
Component "pubsub.localhost" "pubsub"
  modules_enabled = {{ "suite_pubsub" }}
  pubsub_max_items = 1000
Component "upload.localhost" "http_file_share"
  http_external_url = "http://127.0.0.1:{http}/"
  http_host = "localhost"
"#,
        sha1 = host::SHA1,
        sha256 = host::SHA256,
        binding = host::BINDING,
        anonymous = host::ANONYMOUS,
        certificates = host::CERTIFICATES,
        expired = host::EXPIRED,
        wrong_name = host::WRONG_NAME,
        plain = host::PLAIN,
    )
}
