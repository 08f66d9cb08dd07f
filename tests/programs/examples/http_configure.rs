//! Changes its client: authorities, identity, proxy, local address, user agent.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Client {
    /// A server that wants a certificate, without a path
    url: String,
    /// PEM of the authority to trust
    authority: String,
    /// PEM of the certificate to show
    certificate: String,
    /// PEM of its key
    #[setting(secret)]
    key: String,
}

struct Guest(Client);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Client;

    fn join(_user: &User, client: Client) -> Result<Self> {
        Ok(Self(client))
    }

    fn iterate(&mut self) -> Result<()> {
        let Client {
            url,
            authority,
            certificate,
            key,
        } = &self.0;
        let get = |path: &str| -> http::Result<String> {
            http::get(format!("{url}{path}")).send()?.text()
        };
        ensure!(
            get("/tls").is_err(),
            "the authority is trusted before it is known"
        );
        http::ClientConfig::new().insecure(true).apply()?;
        ensure!(
            !get("/tls")?.contains("CN="),
            "a certificate was shown that nobody gave"
        );
        http::ClientConfig::new()
            .insecure(false)
            .authorities(authority.as_str())
            .identity(certificate.as_str(), key.as_str())
            .user_agent("guest/1")
            .local_address("127.0.0.9")
            .apply()?;
        let text = get("/tls")?;
        ensure!(text.contains("client=CN=somebody"), "the server saw {text}");
        let facts = get("/facts")?;
        ensure!(facts.contains("agent=guest/1 "), "the server saw {facts}");
        ensure!(facts.contains("from=127.0.0.9"), "the server saw {facts}");
        for (field, wrong) in [
            (
                "authorities",
                http::ClientConfig::new().authorities("no PEM"),
            ),
            (
                "identity",
                http::ClientConfig::new().identity("no PEM", "no PEM"),
            ),
            ("proxy", http::ClientConfig::new().proxy("no URL")),
            (
                "local-address",
                http::ClientConfig::new().local_address("no address"),
            ),
        ] {
            let error = match wrong.apply() {
                Ok(()) => bail!("{field}: a wrong value was taken"),
                Err(error) => error.to_string(),
            };
            ensure!(error.contains(field), "{field} is not named: {error}");
        }
        ensure!(
            get("/tls")?.contains("client=CN=somebody"),
            "a refused change changed something"
        );
        Ok(())
    }
}
