//! How HTTP clients behave.

use std::collections::BTreeMap;

use super::Problems;
use crate::limits::{
    HTTP_REDIRECTS_GRANT_MAX, HTTP_REDIRECTS_MAX, HTTP_TIMEOUT, LOCAL_ADDRESSES_MAX,
};
use crate::parse::{self, Fault};
use crate::plan::HttpPlan;
use crate::spec::HttpSpec;

/// What the clients call themselves unless told otherwise.
const USER_AGENT: &str = concat!("lt-host/", env!("CARGO_PKG_VERSION"));

/// Check the HTTP options.
pub(super) fn http(plan: &HttpPlan, problems: &mut Problems) -> HttpSpec {
    let timeout = problems.take(&plan.texts, "timeout", parse::positive_duration);
    let max_redirects = problems.take(&plan.texts, "max-redirects", redirects);
    let local = problems.take(&plan.texts, "local-ips", local_addresses);
    let user_agent = problems.take(&plan.texts, "user-agent", user_agent);
    HttpSpec {
        timeout: timeout.unwrap_or(HTTP_TIMEOUT),
        max_redirects: max_redirects.unwrap_or(HTTP_REDIRECTS_MAX),
        discard_bodies: plan.has("discard-response-bodies"),
        insecure: plan.has("insecure-skip-tls-verify"),
        authorities: authorities(plan, problems),
        identity: identity(plan, problems),
        tls_resumption: !plan.has("no-tls-resumption"),
        connection_reuse: !plan.has("no-connection-reuse"),
        reuse_between_iterations: !plan.has("no-vu-connection-reuse"),
        proxy: proxy(plan, problems),
        local_addresses: local.unwrap_or_default(),
        hosts: hosts(plan, problems),
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

fn proxy(plan: &HttpPlan, problems: &mut Problems) -> Option<String> {
    let given = plan.texts.get("proxy")?;
    let shown = parse::without_password(&given.value);
    parse::proxy(&given.value)
        .map_err(|fault| problems.add(&given.field, &shown, fault))
        .ok()
}

fn hosts(
    plan: &HttpPlan,
    problems: &mut Problems,
) -> BTreeMap<String, crate::spec::SocketAddrOrIp> {
    plan.hosts
        .iter()
        .filter_map(|given| problems.read(given, parse::host_override))
        .collect()
}

fn authorities(plan: &HttpPlan, problems: &mut Problems) -> Option<Vec<u8>> {
    let (field, pem) = plan.authorities.as_ref()?;
    if !holds(pem, "-----BEGIN CERTIFICATE-----") {
        problems.add(field, "", no_pem("certificate", "CERTIFICATE"));
    }
    Some(pem.clone())
}

fn identity(plan: &HttpPlan, problems: &mut Problems) -> Option<(Vec<u8>, Vec<u8>)> {
    match (&plan.client_certificate, &plan.client_key) {
        (None, None) => None,
        (Some((certificate_field, certificate)), Some((key_field, key))) => {
            if !holds(certificate, "-----BEGIN CERTIFICATE-----") {
                problems.add(certificate_field, "", no_pem("certificate", "CERTIFICATE"));
            }
            if !holds(key, "PRIVATE KEY-----") {
                problems.add(key_field, "", no_pem("private key", "PRIVATE KEY"));
            }
            Some((certificate.clone(), key.clone()))
        }
        (Some((field, _)), None) => {
            let fault = Fault::new(
                format!("is missing beside {field}"),
                "give the certificate's private key",
            );
            problems.add("--client-key", "", fault);
            None
        }
        (None, Some((field, _))) => {
            let fault = Fault::new(
                format!("is missing beside {field}"),
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
