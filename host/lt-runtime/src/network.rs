//! From the run's HTTP settings and its grants to what the clients of one core share.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use lt_net::http::config::ClientConfig;
use lt_net::rtmp::Stamps;
use lt_net::{
    HostAddress, NetError, Network, NetworkOptions, Proxy, Route, TlsProfiles, TlsSettings,
};
use lt_spec::spec::{HttpSpec, SocketAddrOrIp};

use crate::grants::Grants;

/// The network of this core, and one client configuration for each local address.
///
/// # Errors
/// `invalid-request`, naming the certificate, key or proxy that cannot be used.
pub(crate) fn open(
    http: &HttpSpec,
    grants: &Grants,
    (tls, stamps): (&Arc<TlsProfiles>, &Arc<Stamps>),
) -> Result<(Rc<Network>, Vec<Rc<ClientConfig>>), NetError> {
    let hosts = http.hosts.iter().map(|(name, address)| {
        let address = match address {
            SocketAddrOrIp::Socket(socket) => HostAddress::Socket(*socket),
            SocketAddrOrIp::Ip(ip) => HostAddress::Ip(*ip),
        };
        (name.to_ascii_lowercase(), address)
    });
    let network = Network::new(NetworkOptions {
        hosts: hosts.collect(),
        allow: grants.filter(),
        tls: tls.clone(),
        stamps: stamps.clone(),
    });
    let profile = network.tls_profile(&TlsSettings {
        authorities: http.authorities.clone(),
        identity: http.identity.clone(),
        insecure: http.insecure,
        resumption: http.tls_resumption,
    })?;
    let proxy = match &http.proxy {
        Some(text) => Proxy::parse(text)?,
        None => None,
    };
    let client = |local_address: Option<IpAddr>| {
        let route = Route {
            proxy: proxy.clone(),
            local_address,
            ..Route::direct(profile.clone())
        };
        Rc::new(ClientConfig {
            timeout: http.timeout,
            max_redirects: http.max_redirects,
            keep_bodies: !http.discard_bodies,
            user_agent: http.user_agent.clone(),
            connection_reuse: http.connection_reuse,
            reuse_between_iterations: http.reuse_between_iterations,
            route: Rc::new(route),
        })
    };
    let clients = if http.local_addresses.is_empty() {
        vec![client(None)]
    } else {
        http.local_addresses
            .iter()
            .map(|address| client(Some(*address)))
            .collect()
    };
    Ok((network, clients))
}
