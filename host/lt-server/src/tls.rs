//! The server's side of TLS: a certificate and its key, HTTP/2 and HTTP/1.1.

use std::sync::Arc;

use lt_spec::Problem;
pub use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What we speak, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Read a certificate chain and its key, as PEM; fields are named as `lt-host serve` names them.
///
/// # Errors
/// What is wrong with them.
pub fn config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, Problem> {
    let wrong =
        |field: &str, message: String, remedy: &str| Problem::new(field, "", message, remedy);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(|error| {
            wrong(
                "--tls-cert",
                format!("is not PEM: {error}"),
                "give a certificate chain in PEM",
            )
        })?;
    if chain.is_empty() {
        return Err(wrong(
            "--tls-cert",
            "has no certificate".to_owned(),
            "give a certificate chain in PEM",
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
        wrong(
            "--tls-key",
            format!("is no key in PEM: {error}"),
            "give the certificate's private key, not encrypted",
        )
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(rustls::ConfigBuilder::<ServerConfig, _>::with_no_client_auth)
        .and_then(|builder| builder.with_single_cert(chain, key));
    let mut config = config.map_err(|error| {
        wrong(
            "--tls-key",
            format!("does not fit the certificate: {error}"),
            "give the key that the certificate was made for",
        )
    })?;
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told_by_its_flag() {
        for (certificates, field) in [
            (&b""[..], "--tls-cert"),
            (
                b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
                "--tls-cert",
            ),
        ] {
            let problem = config(certificates, b"").unwrap_err();
            assert_eq!(problem.field, field);
        }
    }
}
