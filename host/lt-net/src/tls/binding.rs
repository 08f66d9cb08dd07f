//! What binds a login to the TLS session that it goes over: somebody between would have another.

use aws_lc_rs::digest;

/// Label and length of `tls-exporter` (RFC 9266, section 2).
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";
const EXPORTER_BYTES: usize = 32;

/// Name of that type.
pub(crate) const TLS_EXPORTER: &str = "tls-exporter";

/// Channel binding data (RFC 5056) with the name of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelBinding {
    /// `tls-exporter` or `tls-server-end-point`, as SCRAM names it.
    pub(crate) kind: &'static str,
    /// What only those who share the session know.
    pub(crate) data: Vec<u8>,
}

/// What an established session may be bound with, the best first: `tls-exporter` over TLS 1.3 (RFC 9266; over TLS 1.2 it would need
/// an extension that rustls does not tell of), `tls-server-end-point` (RFC 5929, section 4) if the certificate was signed in a way that has one hash.
pub(crate) fn bindings_of(session: &rustls::ClientConnection) -> Vec<ChannelBinding> {
    let mut bindings = Vec::with_capacity(2);
    if session.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
        && let Ok(data) =
            session.export_keying_material(vec![0; EXPORTER_BYTES], EXPORTER_LABEL, None)
    {
        bindings.push(ChannelBinding {
            kind: TLS_EXPORTER,
            data,
        });
    }
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    if let Some(data) = certificate.and_then(|certificate| end_point(certificate)) {
        bindings.push(ChannelBinding {
            kind: "tls-server-end-point",
            data,
        });
    }
    bindings
}

/// The hash of a certificate (DER) by the hash of its signature's algorithm, SHA-256 in the place of MD5 and SHA-1.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash = signature_hash(certificate)?;
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

/// Tags of DER (X.690).
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// `[0]`, explicit.
const CONTEXT_0: u8 = 0xa0;

/// Object identifiers, encoded, without their last number: 1.2.840.113549.1.1 (RFC 8017), 1.2.840.10045.4 and 1.2.840.10045.4.3 (RFC 5758),
/// 2.16.840.1.101.3.4.2 (RFC 5754).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const NIST_HASH: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// id-sha1, 1.3.14.3.2.26.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// The hash of the signature's algorithm. `None` if it is unknown, or has none of its own as Ed25519: RFC 5929 leaves that open.
fn signature_hash(certificate: &[u8]) -> Option<&'static digest::Algorithm> {
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm AlgorithmIdentifier, signature } (RFC 5280, section 4.1)
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    let (oid, parameters) = element(algorithm, OBJECT_IDENTIFIER)?;
    let (last, family) = oid.split_last()?;
    match (family, last) {
        // MD5 and SHA-1, with RSA and ECDSA.
        (RSA, 4 | 5) | (ECDSA, 1) => Some(&digest::SHA256),
        (RSA, 10) => pss_hash(parameters),
        (RSA, 11) | (ECDSA_SHA2, 2) => Some(&digest::SHA256),
        (RSA, 12) | (ECDSA_SHA2, 3) => Some(&digest::SHA384),
        (RSA, 13) | (ECDSA_SHA2, 4) => Some(&digest::SHA512),
        (RSA, 14) | (ECDSA_SHA2, 1) => Some(&digest::SHA224),
        _ => None,
    }
}

/// The hash in the parameters of RSASSA-PSS (RFC 4055, section 3.1): the first of them, SHA-1 if it is left out.
fn pss_hash(parameters: &[u8]) -> Option<&'static digest::Algorithm> {
    let (parameters, _) = element(parameters, SEQUENCE)?;
    let Some((hash, _)) = element(parameters, CONTEXT_0) else {
        return Some(&digest::SHA256);
    };
    let (oid, _) = element(element(hash, SEQUENCE)?.0, OBJECT_IDENTIFIER)?;
    if oid == SHA1 {
        return Some(&digest::SHA256);
    }
    let (last, family) = oid.split_last()?;
    match (family, last) {
        (NIST_HASH, 1) => Some(&digest::SHA256),
        (NIST_HASH, 2) => Some(&digest::SHA384),
        (NIST_HASH, 3) => Some(&digest::SHA512),
        (NIST_HASH, 4) => Some(&digest::SHA224),
        _ => None,
    }
}

/// The contents of the element of DER that `input` begins with, if it has this tag, and what follows it.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = input.split_first_chunk()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // So many bytes of length follow; four are more than any certificate needs.
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
#[path = "binding_tests.rs"]
mod tests;
