//! Tests of the hash of `tls-server-end-point`: certificates as they are issued, and algorithms as they are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;

fn self_signed(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let params = rcgen::CertificateParams::new(vec!["chat.test".to_owned()]).unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

#[test]
fn certificates_are_hashed_as_they_are_signed() {
    for (algorithm, hash) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, &digest::SHA256),
        (&rcgen::PKCS_ECDSA_P384_SHA384, &digest::SHA384),
        (&rcgen::PKCS_ECDSA_P521_SHA512, &digest::SHA512),
        (&rcgen::PKCS_RSA_SHA256, &digest::SHA256),
        (&rcgen::PKCS_RSA_SHA384, &digest::SHA384),
        (&rcgen::PKCS_RSA_SHA512, &digest::SHA512),
    ] {
        let certificate = self_signed(algorithm);
        let wanted = digest::digest(hash, &certificate).as_ref().to_vec();
        assert_eq!(end_point(&certificate), Some(wanted), "{algorithm:?}");
    }
    // It has no hash that would go by that name.
    assert_eq!(end_point(&self_signed(&rcgen::PKCS_ED25519)), None);
}

/// A certificate of openssl, signed with RSASSA-PSS and SHA-384, and its SHA-384.
const PSS: &str = "\
MIICVDCCAY6gAwIBAgIUFlRmXvnLEzc6c3tcfwNK1T141dMwPAYJKoZIhvcNAQEKMC+gDzANBglghkgBZQMEAgIFAKEcMBoGCSqG\
SIb3DQEBCDANBglghkgBZQMEAgIFADAMMQowCAYDVQQDDAFwMCAXDTI2MTEyMTE2MzgxM1oYDzIxMDkwMTEwMTYzODEzWjAMMQow\
CAYDVQQDDAFwMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDPrK8YNRnMs8cdHmIXeLKvcz/bCYXcL6o49394/w/x8aFzLmzb\
KAttAgTeEPaIc1K4MnE+91YVRypXBqm1XNpYHpq1N8I4Y57qBV1EpbWcHZUweWXw991g5FFqPTLPpb3PtfU688z9F08oW6Auv8A2\
CY4M+sXLv38qGQhtgt+eXQIDAQABo1MwUTAdBgNVHQ4EFgQUxqTYuCD4D5A2DZFOo2Wl6mUisz0wHwYDVR0jBBgwFoAUxqTYuCD4\
D5A2DZFOo2Wl6mUisz0wDwYDVR0TAQH/BAUwAwEB/zA8BgkqhkiG9w0BAQowL6APMA0GCWCGSAFlAwQCAgUAoRwwGgYJKoZIhvcN\
AQEIMA0GCWCGSAFlAwQCAgUAA4GBAE95DhhY1KK9AUoTujsWugEdQZHNgS7Zf9iAcXqlr+7lLx3DV/DElAlRDZZ/qMmItXjZQHUS\
PenLs44db76qMYwEt7RqEMe+Yzq/uNWqNnSHi/FS0Vta1AyWyNFyaXocC3gt5I+vvFqqVlSlvGWhWKbSo3zRcAohN1ENGwR28keq";
const PSS_SHA384: &str = "5dcebcae235ef6edfcb2e63f5da1d6897afbd3c0f867c5410ea0d6147f4e25f7d12b3be3b1e860691c214cae334ef9fd";

#[test]
fn the_hash_of_pss_is_among_its_parameters() {
    let certificate = BASE64.decode(PSS).unwrap();
    let hash = end_point(&certificate).unwrap();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, PSS_SHA384);
}

/// An element of DER, with a length of two bytes, as in all certificates.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], contents].concat()
}

fn signed_by(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
    let algorithm = [der(OBJECT_IDENTIFIER, oid), parameters.to_vec()].concat();
    let parts = [der(SEQUENCE, b"\x02\x01\x00"), der(SEQUENCE, &algorithm)].concat();
    der(SEQUENCE, &[parts, der(0x03, b"\0signature")].concat())
}

fn oid(family: &[u8], last: u8) -> Vec<u8> {
    [family, &[last]].concat()
}

#[track_caller]
fn check(oid: &[u8], parameters: &[u8], bits: Option<usize>) {
    let hash = signature_hash(&signed_by(oid, parameters));
    assert_eq!(hash.map(|hash| hash.output_len * 8), bits);
}

#[test]
fn each_algorithm_has_its_hash() {
    for (last, bits) in [
        (4, 256),
        (5, 256),
        (11, 256),
        (12, 384),
        (13, 512),
        (14, 224),
    ] {
        check(&oid(RSA, last), &[], Some(bits));
    }
    check(&oid(ECDSA, 1), &[], Some(256));
    for (last, bits) in [(1, 224), (2, 256), (3, 384), (4, 512)] {
        check(&oid(ECDSA_SHA2, last), &[], Some(bits));
    }
    // MD2, RSA without a hash, another family, the last number missing, none at all.
    check(&oid(RSA, 2), &[], None);
    check(&oid(RSA, 1), &[], None);
    check(&oid(NIST_HASH, 1), &[], None);
    check(RSA, &[], None);
    check(&[], &[], None);
}

#[test]
fn pss_without_a_hash_means_sha_1() {
    let pss = oid(RSA, 10);
    let hash = |name: &[u8]| {
        let algorithm = der(SEQUENCE, &der(OBJECT_IDENTIFIER, name));
        der(SEQUENCE, &der(CONTEXT_0, &algorithm))
    };
    check(&pss, &der(SEQUENCE, &[]), Some(256));
    // Only its other parameters, of which the next is [1].
    check(&pss, &der(SEQUENCE, &der(0xa1, &[])), Some(256));
    check(&pss, &hash(SHA1), Some(256));
    for (last, bits) in [(1, 256), (2, 384), (3, 512), (4, 224)] {
        check(&pss, &hash(&oid(NIST_HASH, last)), Some(bits));
    }
    check(&pss, &hash(&oid(NIST_HASH, 9)), None);
    check(&pss, &[], None);
}

#[test]
fn what_is_no_certificate_has_no_hash() {
    let certificate = self_signed(&rcgen::PKCS_ECDSA_P256_SHA256);
    for end in 0..certificate.len() {
        assert_eq!(
            signature_hash(&certificate[..end]).map(|_| ()),
            None,
            "{end}"
        );
    }
    for bad in [
        &b"\x30\x80\x00\x00"[..],
        b"\x30\x85\x00\x00\x00\x00\x01\x00",
        b"\x30\x84\xff\xff\xff\xff\x00",
        b"\x31\x00",
        b"\xff\xff\xff",
    ] {
        assert!(signature_hash(bad).is_none(), "{bad:?}");
    }
}
