//! How HTTP clients behave.

use std::collections::BTreeMap;

use super::Problems;
use crate::limits::{
    HTTP_REDIRECTS_GRANT_MAX, HTTP_REDIRECTS_MAX, HTTP_TIMEOUT, LOCAL_ADDRESSES_MAX,
};
use crate::parse::{self, Fault};
use crate::raw::RawHttp;
use crate::spec::HttpSpec;

/// What the clients call themselves unless told otherwise.
const USER_AGENT: &str = concat!("lt-host/", env!("CARGO_PKG_VERSION"));

/// Check the HTTP options.
pub(super) fn http(raw: &RawHttp, problems: &mut Problems) -> HttpSpec {
    let timeout = problems.take(
        "--http-timeout",
        raw.timeout.as_deref(),
        parse::positive_duration,
    );
    let max_redirects = problems.take("--max-redirects", raw.max_redirects.as_deref(), redirects);
    let local = problems.take(
        "--local-ips",
        raw.local_addresses.as_deref(),
        local_addresses,
    );
    let user_agent = problems.take("--user-agent", raw.user_agent.as_deref(), user_agent);
    HttpSpec {
        timeout: timeout.unwrap_or(HTTP_TIMEOUT),
        max_redirects: max_redirects.unwrap_or(HTTP_REDIRECTS_MAX),
        discard_bodies: raw.discard_bodies,
        insecure: raw.insecure,
        authorities: authorities(raw, problems),
        identity: identity(raw, problems),
        tls_resumption: !raw.no_tls_resumption,
        connection_reuse: !raw.no_connection_reuse,
        reuse_between_iterations: !raw.no_reuse_between_iterations,
        proxy: proxy(raw, problems),
        local_addresses: local.unwrap_or_default(),
        hosts: hosts(raw, problems),
        user_agent: user_agent.unwrap_or_else(|| USER_AGENT.to_owned()),
    }
}

fn redirects(text: &str) -> Result<u32, Fault> {
    let count = parse::whole(text)?;
    u32::try_from(count)
        .ok()
        .filter(|count| *count <= HTTP_REDIRECTS_GRANT_MAX)
        .ok_or_else(|| {
            Fault::new(
                format!("is more than {HTTP_REDIRECTS_GRANT_MAX}"),
                "a longer chain of redirects is a loop: use a smaller number",
            )
        })
}

fn local_addresses(text: &str) -> Result<Vec<std::net::IpAddr>, Fault> {
    let addresses = parse::addresses(text)?;
    if addresses.len() > LOCAL_ADDRESSES_MAX {
        return Err(Fault::new(
            format!("lists more than {LOCAL_ADDRESSES_MAX} addresses"),
            "list fewer",
        ));
    }
    Ok(addresses)
}

fn user_agent(text: &str) -> Result<String, Fault> {
    if text.chars().any(|char| char.is_control()) {
        return Err(Fault::new(
            "holds control characters, which a header may not",
            "use printable text",
        ));
    }
    Ok(text.to_owned())
}

fn proxy(raw: &RawHttp, problems: &mut Problems) -> Option<String> {
    let text = raw.proxy.as_deref()?;
    parse::proxy(text)
        .map_err(|fault| problems.add("--proxy", &parse::without_password(text), fault))
        .ok()
}

fn hosts(raw: &RawHttp, problems: &mut Problems) -> BTreeMap<String, crate::spec::SocketAddrOrIp> {
    raw.hosts
        .iter()
        .filter_map(|text| problems.take("--host-override", Some(text), parse::host_override))
        .collect()
}

fn authorities(raw: &RawHttp, problems: &mut Problems) -> Option<Vec<u8>> {
    let pem = raw.authorities.as_ref()?;
    if !holds(pem, "-----BEGIN CERTIFICATE-----") {
        problems.add("--ca-cert", "", no_pem("certificate", "CERTIFICATE"));
    }
    Some(pem.clone())
}

fn identity(raw: &RawHttp, problems: &mut Problems) -> Option<(Vec<u8>, Vec<u8>)> {
    match (&raw.client_certificate, &raw.client_key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            if !holds(certificate, "-----BEGIN CERTIFICATE-----") {
                problems.add("--client-cert", "", no_pem("certificate", "CERTIFICATE"));
            }
            if !holds(key, "PRIVATE KEY-----") {
                problems.add("--client-key", "", no_pem("private key", "PRIVATE KEY"));
            }
            Some((certificate.clone(), key.clone()))
        }
        (Some(_), None) => {
            let fault = Fault::new(
                "is missing beside --client-cert",
                "give the certificate's private key",
            );
            problems.add("--client-key", "", fault);
            None
        }
        (None, Some(_)) => {
            let fault = Fault::new(
                "is missing beside --client-key",
                "give the key's certificate",
            );
            problems.add("--client-cert", "", fault);
            None
        }
    }
}

fn no_pem(what: &str, label: &str) -> Fault {
    Fault::new(
        format!("the file holds no PEM {what}"),
        format!("give a file with a -----BEGIN {label}----- block"),
    )
}

fn holds(pem: &[u8], label: &str) -> bool {
    pem.windows(label.len())
        .any(|window| window == label.as_bytes())
}
