//! TLS profiles: one shared rustls configuration for each distinct set of settings, whoever uses it.

pub(crate) mod binding;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::{CertificateError, ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::error::NetError;
use crate::http::VersionChoice;

/// Servers whose session tickets one profile remembers; rustls keeps up to eight tickets of each. Load tests talk to a few hosts.
const RESUMPTION_SERVERS_MAX: usize = 256;

/// What distinguishes one TLS profile from another. Equal settings share one configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsSettings {
    /// PEM certificates of authorities to trust instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// PEM certificate chain and private key to show the server.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Accept any certificate. Signatures of the handshake are still checked.
    pub insecure: bool,
    /// Resume sessions. Tickets are shared by all users of the profile: a user may resume another's session.
    pub resumption: bool,
}

impl Default for TlsSettings {
    /// The system's authorities, no identity, certificates checked, sessions resumed.
    fn default() -> Self {
        Self {
            authorities: None,
            identity: None,
            insecure: false,
            resumption: true,
        }
    }
}

/// What is reported of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// As in k6's `tls_version` tag: `tls1.2` or `tls1.3`.
    pub version: &'static str,
    /// Whether the handshake resumed an earlier session.
    pub resumed: bool,
}

/// One distinct set of settings with its configurations, one for each set of protocols offered by ALPN.
#[derive(Debug)]
pub struct TlsProfile {
    settings: TlsSettings,
    /// Authorities and identity were parsed when the profile was made, so that mistakes show at once.
    roots: Option<Arc<RootCertStore>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// Built when first needed: the system's authorities are a file of 200 KB that plain HTTP never reads.
    configs: [OnceLock<Result<Arc<ClientConfig>, NetError>>; 5],
}

/// What a connection offers by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// HTTP, in the versions of the choice.
    Http(VersionChoice),
    /// `xmpp-client`: TLS from the first byte (XEP-0368).
    XmppClient,
    /// Nothing: TLS that begins within a protocol, as StartTLS does.
    None,
}

impl From<VersionChoice> for Protocols {
    fn from(choice: VersionChoice) -> Self {
        Self::Http(choice)
    }
}

impl Protocols {
    fn slot(self) -> usize {
        match self {
            Self::Http(VersionChoice::Automatic) => 0,
            Self::Http(VersionChoice::Http1) => 1,
            Self::Http(VersionChoice::Http2) => 2,
            Self::XmppClient => 3,
            Self::None => 4,
        }
    }

    fn names(self) -> Vec<Vec<u8>> {
        let names: &[&str] = match self {
            Self::Http(VersionChoice::Automatic) => &["h2", "http/1.1"],
            Self::Http(VersionChoice::Http1) => &["http/1.1"],
            Self::Http(VersionChoice::Http2) => &["h2"],
            Self::XmppClient => &["xmpp-client"],
            Self::None => &[],
        };
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }
}

/// Profiles that may be forgotten ones before the list is gone through: below that it costs nothing worth saving.
const PURGE_PROFILES_MIN: usize = 64;

/// Every profile in use in the process, by content. Shared by all cores; a profile is forgotten when its last user is gone,
/// so that guests who bring ever new certificates cannot make the list grow.
#[derive(Debug, Default)]
pub struct TlsProfiles {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    profiles: HashMap<TlsSettings, Weak<TlsProfile>>,
    /// When the list has grown to this, it is gone through: each time twice what was then in use.
    purge_at: usize,
}

impl Known {
    fn insert(&mut self, settings: TlsSettings, profile: &Arc<TlsProfile>) {
        if self.profiles.len() >= self.purge_at.max(PURGE_PROFILES_MIN) {
            self.profiles.retain(|_, known| known.strong_count() > 0);
            self.purge_at = 2 * self.profiles.len();
        }
        self.profiles.insert(settings, Arc::downgrade(profile));
    }
}

impl TlsProfiles {
    /// The profile for these settings: an existing one if there is one.
    ///
    /// # Errors
    /// `invalid-request`, naming the setting whose PEM cannot be read.
    pub fn profile(&self, settings: &TlsSettings) -> Result<Arc<TlsProfile>, NetError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(profile) = known.profiles.get(settings).and_then(Weak::upgrade) {
            return Ok(profile);
        }
        let profile = Arc::new(TlsProfile::new(settings.clone())?);
        known.insert(settings.clone(), &profile);
        Ok(profile)
    }
}

impl TlsProfile {
    fn new(settings: TlsSettings) -> Result<Self, NetError> {
        let roots = settings
            .authorities
            .as_deref()
            .map(parse_authorities)
            .transpose()?
            .map(Arc::new);
        let identity = settings
            .identity
            .as_ref()
            .map(|(chain, key)| parse_identity(chain, key))
            .transpose()?;
        let profile = Self {
            settings,
            roots,
            identity,
            configs: Default::default(),
        };
        if profile.identity.is_some() {
            profile.build(Protocols::None, Arc::new(RootCertStore::empty()))?; // a key that does not fit its certificate shows here
        }
        Ok(profile)
    }

    /// The settings it was made from: to change one of them.
    #[must_use]
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// The configuration that offers these protocols.
    pub(crate) fn config(
        &self,
        protocols: impl Into<Protocols>,
    ) -> Result<Arc<ClientConfig>, NetError> {
        let protocols = protocols.into();
        self.configs[protocols.slot()]
            .get_or_init(|| {
                let roots = match &self.roots {
                    Some(roots) => roots.clone(),
                    None if self.settings.insecure => Arc::new(RootCertStore::empty()),
                    None => system_authorities(),
                };
                self.build(protocols, roots)
            })
            .clone()
    }

    fn build(
        &self,
        protocols: Protocols,
        roots: Arc<RootCertStore>,
    ) -> Result<Arc<ClientConfig>, NetError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| NetError::Tls(error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| NetError::InvalidRequest(format!("identity: {error}")))?,
            None => builder.with_no_client_auth(),
        };
        if self.settings.insecure {
            config
                .dangerous()
                .set_certificate_verifier(Arc::new(AnyCertificate { algorithms }));
        }
        config.resumption = if self.settings.resumption {
            Resumption::store(Arc::new(ClientSessionMemoryCache::new(
                RESUMPTION_SERVERS_MAX,
            )))
        } else {
            Resumption::disabled()
        };
        config.alpn_protocols = protocols.names();
        Ok(Arc::new(config))
    }
}

/// The system's authorities, read once for the process. Certificates that cannot be used are left out; with none at all
/// every handshake ends with `unknown-authority`.
fn system_authorities() -> Arc<RootCertStore> {
    static STORE: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    STORE
        .get_or_init(|| {
            let loaded = rustls_native_certs::load_native_certs();
            for error in &loaded.errors {
                tracing::warn!(%error, "system certificate authorities");
            }
            let mut store = RootCertStore::empty();
            let (added, ignored) = store.add_parsable_certificates(loaded.certs);
            tracing::debug!(added, ignored, "system certificate authorities loaded");
            Arc::new(store)
        })
        .clone()
}

fn parse_authorities(pem: &[u8]) -> Result<RootCertStore, NetError> {
    let invalid = |why: String| NetError::InvalidRequest(format!("authorities: {why}"));
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        store
            .add(certificate)
            .map_err(|error| invalid(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(invalid("no PEM certificate in it".to_owned()));
    }
    Ok(store)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn parse_identity(chain: &[u8], key: &[u8]) -> Result<Identity, NetError> {
    let invalid = |why: String| NetError::InvalidRequest(format!("identity: {why}"));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(error.to_string()))?;
    if chain.is_empty() {
        return Err(invalid("no PEM certificate in the chain".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| invalid(format!("private key: {error}")))?;
    Ok((chain, key))
}

/// What is reported of an established session.
pub(crate) fn info_of(session: &rustls::ClientConnection) -> TlsInfo {
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "tls1.2",
        _ => "tls1.3",
    };
    TlsInfo {
        version,
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
    }
}

/// What a TLS error means: certificate faults have cases of their own, the rest is the handshake.
pub(crate) fn error_of(error: &rustls::Error) -> NetError {
    let rustls::Error::InvalidCertificate(fault) = error else {
        return NetError::Tls(error.to_string());
    };
    match fault {
        // A signature that does not fit means an authority of the same name but another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            NetError::UnknownAuthority
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            NetError::CertificateName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => NetError::CertificateExpired,
        other => NetError::Certificate(fault_in_words(other)),
    }
}

/// What is wrong with a certificate. rustls and webpki have names of their own for many faults, meant for programs.
fn fault_in_words(fault: &CertificateError) -> String {
    let name = match fault {
        CertificateError::InvalidPurposeContext { .. } => return fault.to_string(),
        CertificateError::Other(fault) => fault.to_string(),
        known => known.to_string(),
    };
    match name.as_str() {
        "CaUsedAsEndEntity" => {
            "it is an authority's own (CA:TRUE), which must not be shown as a server's".to_owned()
        }
        "BadEncoding" => "it is not written as a certificate is".to_owned(),
        "Revoked" => "it was revoked".to_owned(),
        "InvalidPurpose" => "it is not meant for servers".to_owned(),
        "UnsupportedCertVersion" => "it is older than X.509 version 3".to_owned(),
        name => words_of(name),
    }
}

/// A name such as `PathLenConstraintViolated` as words; what is a sentence already stays as it is.
fn words_of(name: &str) -> String {
    if !name.chars().all(char::is_alphanumeric) {
        return name.to_owned();
    }
    let mut words = String::with_capacity(name.len() + 8);
    for char in name.chars() {
        if char.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(char.to_lowercase());
    }
    words
}

/// Accepts any certificate, as `insecure` asks, but still checks that the server holds its key.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
