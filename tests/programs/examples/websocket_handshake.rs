//! Connects with all there is to say, and tells what was agreed.

use lt_sdk::prelude::*;
use lt_sdk::websocket::WebSocket;

#[derive(Settings)]
struct Options {
    /// What to connect to
    url: String,
    /// Subprotocols to offer, separated by commas
    #[setting(default = "")]
    subprotocols: String,
    /// Value of the header field `x-test`
    #[setting(default = "")]
    header: String,
    /// A cookie that the user has before, as `set-cookie` has it
    #[setting(default = "")]
    cookie: String,
    /// Most redirects to follow
    max_redirects: Option<u32>,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.0;
        // The jar knows pages; sockets share it.
        let page = options.url.replacen("ws", "http", 1);
        if !options.cookie.is_empty() {
            http::set_cookie(&page, &options.cookie)?;
        }
        let mut request = WebSocket::request(&options.url)
            .name("handshake")
            .tag("kind", "test")
            .timeout(Duration::from_secs(10));
        for name in options
            .subprotocols
            .split(',')
            .filter(|name| !name.is_empty())
        {
            request = request.subprotocol(name);
        }
        if !options.header.is_empty() {
            request = request.header("x-test", &options.header);
        }
        if let Some(count) = options.max_redirects {
            request = request.max_redirects(count);
        }
        let socket = request.connect()?;
        let timings = socket.timings();
        let phases = timings.blocked
            + timings.resolving
            + timings.connecting
            + timings.tls_handshaking
            + timings.upgrading;
        check!(
            "the phases are within the whole",
            phases <= timings.total && !timings.upgrading.is_zero()
        );
        check!(
            "headers are found in any case",
            socket.header("UPGRADE").is_some()
        );
        check!("headers are named in lower case", {
            let headers = socket.headers();
            headers
                .iter()
                .any(|(name, _)| name == "sec-websocket-accept")
        });
        check!("somebody answered", socket.remote_address().contains(':'));
        log::info!("url={}", socket.url());
        log::info!("subprotocol={}", socket.subprotocol().unwrap_or_default());
        log::info!("x-test={}", socket.header("x-test").unwrap_or_default());
        for cookie in http::cookies(&page)? {
            log::info!("cookie={}:{}", cookie.name, cookie.value);
        }
        socket.close()?;
        Ok(())
    }
}
