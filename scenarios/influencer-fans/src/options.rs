//! What `--set` can change, and what follows from it.

use lt_sdk::prelude::*;

use crate::urls::{self, Fill};

/// What `--set` can change.
#[derive(Settings)]
pub(crate) struct Options {
    /// Publish and watch here (rtmp://host/app/stream), and ask no service
    pub(crate) stream_url: Option<String>,
    /// Where fans watch, instead of where the redirect or stream-url says: rtmp, rtmps, or http and https for FLV over HTTP; {origin} and {stream} are
    /// filled in
    pub(crate) watch_url: Option<String>,
    /// Where the service is: http or https, host and port
    pub(crate) api_url: Option<String>,
    /// Where the service's streams are asked for
    pub(crate) streams_api_url: Option<String>,
    /// Token for that
    #[setting(secret)]
    pub(crate) streams_api_token: Option<String>,
    /// The influencer's e-mail address
    pub(crate) influencer_email: Option<String>,
    /// The token by which it signs in
    #[setting(secret)]
    pub(crate) influencer_token: Option<String>,
    /// Where the influencer publishes; {origin}, {stream} and {key} are filled in
    #[setting(default = "rtmp://{origin}:1935/live/{stream}")]
    pub(crate) publish_url: String,
    /// What stands for {key}
    #[setting(secret)]
    pub(crate) stream_key: Option<String>,
    /// Name, for servers that ask publishers for one
    pub(crate) publish_user: Option<String>,
    /// Password, for servers that ask publishers for one
    #[setting(secret)]
    pub(crate) publish_password: Option<String>,
    /// Where fans ask for the way to the stream; {origin} and {stream} are filled in
    #[setting(default = "http://{origin}:1935/redirect/live/{stream}")]
    pub(crate) redirect_url: String,
    /// What takes the place of _definst_ in the answer; {stream} is filled in
    #[setting(default = "{stream}_source")]
    pub(crate) source_name: String,
    /// Whether the service tells followers that the stream begins
    #[setting(default = true)]
    pub(crate) stream_alerts: bool,
    /// How often the influencer asks whether the servers are ready
    #[setting(default = "5s", min = "10ms")]
    pub(crate) ready_poll_interval: Duration,
    /// How long they may take
    #[setting(default = "10m")]
    pub(crate) ready_timeout: Duration,
    /// How often the influencer tells the service that it streams; a failure ends the run
    #[setting(default = "5m", min = "10ms")]
    pub(crate) keep_alive_interval: Duration,
    /// Time from publishing to the first fan
    #[setting(default = "5s")]
    pub(crate) fans_start_after: Duration,
    /// Time between the start of one fan and the next, and before one that failed tries again
    #[setting(default = "500ms")]
    pub(crate) ramp: Duration,
    /// Whether fans pause as people do: 3s after signing up, 5s after the code, 5s after the marketplace, 1s after following
    #[setting(default = false)]
    pub(crate) sleep_between_steps: bool,
    /// Names of fans begin so; behind it stands the user's id, or 20 random letters in new accounts
    #[setting(default = "testfan")]
    pub(crate) fan_prefix: String,
    /// Domain of their e-mail addresses
    #[setting(default = "example.org")]
    pub(crate) fan_email_domain: String,
    /// Password of all of them
    #[setting(secret)]
    pub(crate) fan_password: Option<String>,
    /// The code that new fans use; without it they use none
    #[setting(secret)]
    pub(crate) code: Option<String>,
    /// How many accounts the influencer makes ready before it streams: they sign in, or up, and follow
    #[setting(default = 0)]
    pub(crate) precreate_fans: u64,
    /// The first of them: give what --existing-offset has
    #[setting(default = 1)]
    pub(crate) precreate_from: u64,
    /// Media that a fan watches before it ends; without it, until the run ends
    pub(crate) watch_time: Option<Duration>,
    /// true: a fan whose stream ended, well or not, is gone; with --executor churn another takes its place
    #[setting(default = false)]
    pub(crate) replace_fans: bool,
    /// A stream is stalled when no media came for so long: 500ms
    pub(crate) stall_after: Option<Duration>,
    /// A stream is lagged when media is so much behind the time that went by: 3s
    pub(crate) lag_after: Option<Duration>,
}

/// Lag of an influencer that counts as its stream not going on: that of players where nothing is said.
const LAG_AFTER: Duration = Duration::from_secs(3);

const RTMP: [&str; 2] = ["rtmp", "rtmps"];
const HTTP: [&str; 2] = ["http", "https"];

impl Options {
    /// Refuse what no user could work with.
    ///
    /// # Errors
    /// With what is wrong, and what to give instead.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(url) = &self.stream_url {
            ensure!(
                is_stream(url),
                "stream-url is no stream: `{}`; give rtmp://host/app/stream",
                urls::public(url)
            );
        } else {
            self.check_service()?;
        }
        if let Some(url) = &self.watch_url {
            ensure!(
                is_stream(url) || urls::has_scheme(url, &HTTP),
                "watch-url is neither a stream nor a page: `{}`; give rtmp://host/app/stream or http://host/stream.flv",
                urls::public(url)
            );
        }
        ensure!(
            self.publish_user.is_some() == self.publish_password.is_some(),
            "publish-user and publish-password go together"
        );
        Ok(())
    }

    /// What the service needs, all that is missing at once.
    fn check_service(&self) -> Result<()> {
        let needed = [
            ("api-url", &self.api_url),
            ("streams-api-url", &self.streams_api_url),
            ("streams-api-token", &self.streams_api_token),
            ("influencer-email", &self.influencer_email),
            ("influencer-token", &self.influencer_token),
            ("fan-password", &self.fan_password),
        ];
        let missing: Vec<&str> = needed
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| *name)
            .collect();
        ensure!(
            missing.is_empty(),
            "the streaming service needs {}; to publish and watch without a service, give stream-url instead",
            missing.join(", ")
        );
        for (name, url) in needed.iter().filter(|(name, _)| name.ends_with("-url")) {
            let url = url.as_deref().unwrap_or_default();
            ensure!(
                urls::has_scheme(url, &HTTP),
                "{name} is no http or https URL: `{}`",
                urls::public(url)
            );
        }
        ensure!(
            is_stream(&self.publish_url),
            "publish-url is no stream: give rtmp://host/app/stream, as in rtmp://{{origin}}:1935/live/{{stream}}"
        );
        ensure!(
            urls::has_scheme(&self.redirect_url, &HTTP),
            "redirect-url is no http or https URL"
        );
        Ok(())
    }

    /// Where to publish a stream that this server takes.
    pub(crate) fn publish_url(&self, origin: &str, stream: &str) -> String {
        let key = self.stream_key.as_deref().unwrap_or_default();
        self.publish_url_with(origin, stream, key)
    }

    /// The same as anybody may see it: the key may stand anywhere in it, often as the stream's name.
    pub(crate) fn publish_url_shown(&self, origin: &str, stream: &str) -> String {
        urls::public(&self.publish_url_with(origin, stream, "{key}"))
    }

    fn publish_url_with(&self, origin: &str, stream: &str, key: &str) -> String {
        let with = Fill {
            origin,
            stream,
            key,
        };
        urls::fill(
            self.stream_url.as_deref().unwrap_or(&self.publish_url),
            with,
        )
    }

    /// How much an influencer may be behind.
    pub(crate) fn lag_after(&self) -> Duration {
        self.lag_after.unwrap_or(LAG_AFTER)
    }
}

/// Whether a URL, or a template of one, is that of a stream.
fn is_stream(url: &str) -> bool {
    urls::has_scheme(url, &RTMP) && urls::split_stream(url).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that has no default left out.
    fn plain() -> Options {
        Options {
            stream_url: None,
            watch_url: None,
            api_url: None,
            streams_api_url: None,
            streams_api_token: None,
            influencer_email: None,
            influencer_token: None,
            publish_url: "rtmp://{origin}:1935/live/{stream}".to_owned(),
            stream_key: None,
            publish_user: None,
            publish_password: None,
            redirect_url: "http://{origin}:1935/redirect/live/{stream}".to_owned(),
            source_name: "{stream}_source".to_owned(),
            stream_alerts: true,
            ready_poll_interval: Duration::from_secs(5),
            ready_timeout: Duration::from_secs(600),
            keep_alive_interval: Duration::from_secs(300),
            fans_start_after: Duration::from_secs(5),
            ramp: Duration::from_millis(500),
            sleep_between_steps: false,
            fan_prefix: "testfan".to_owned(),
            fan_email_domain: "example.org".to_owned(),
            fan_password: None,
            code: None,
            precreate_fans: 0,
            precreate_from: 1,
            watch_time: None,
            replace_fans: false,
            stall_after: None,
            lag_after: None,
        }
    }

    fn fault(options: &Options) -> Option<String> {
        options.check().err().map(|error| error.to_string())
    }

    #[test]
    fn without_a_service_a_stream_is_enough() {
        let mut options = plain();
        options.stream_url = Some("rtmp://127.0.0.1/live/stream".to_owned());
        assert_eq!(fault(&options), None);
        for url in ["http://127.0.0.1:8080/{stream}.flv", "rtmps://a/b/{stream}"] {
            options.watch_url = Some(url.to_owned());
            assert_eq!(fault(&options), None, "{url}");
        }
        options.watch_url = Some("127.0.0.1".to_owned());
        assert!(fault(&options).is_some_and(|text| text.starts_with("watch-url")));
        options.stream_url = Some("rtmp://a:b@127.0.0.1/live?key=c".to_owned());
        assert_eq!(
            fault(&options).as_deref(),
            Some("stream-url is no stream: `rtmp://127.0.0.1/live`; give rtmp://host/app/stream")
        );
    }

    #[test]
    fn a_service_needs_all_of_it() {
        let mut options = plain();
        let text = fault(&options).unwrap_or_default();
        assert!(text.contains("needs api-url, streams-api-url, streams-api-token, influencer-email, influencer-token, fan-password;"), "{text}");
        for setting in [
            &mut options.api_url,
            &mut options.streams_api_url,
            &mut options.streams_api_token,
            &mut options.influencer_email,
            &mut options.influencer_token,
            &mut options.fan_password,
        ] {
            *setting = Some("http://127.0.0.1:8080".to_owned());
        }
        assert_eq!(fault(&options), None);
        options.api_url = Some("ftp://127.0.0.1".to_owned());
        assert!(fault(&options).is_some_and(|text| text.starts_with("api-url is no http")));
        options.api_url = options.streams_api_url.clone();
        options.publish_user = Some("star".to_owned());
        assert!(fault(&options).is_some_and(|text| text.contains("go together")));
    }

    #[test]
    fn the_stream_of_the_settings_goes_before_that_of_the_service() {
        let mut options = plain();
        options.stream_key = Some("k".to_owned());
        options.publish_url = "rtmp://{origin}/live/{stream}?key={key}".to_owned();
        assert_eq!(options.publish_url("a", "b"), "rtmp://a/live/b?key=k");
        options.stream_url = Some("rtmp://c/d/e".to_owned());
        assert_eq!(options.publish_url("a", "b"), "rtmp://c/d/e");
    }

    #[test]
    fn the_key_is_not_shown_wherever_it_stands() {
        let mut options = plain();
        options.stream_key = Some("secret".to_owned());
        for (template, shown) in [
            ("rtmp://{origin}/live/{key}", "rtmp://a/live/{key}"),
            ("rtmp://{origin}/{key}/{stream}", "rtmp://a/{key}/b"),
            ("rtmp://{key}@{origin}/live/{stream}", "rtmp://a/live/b"),
            ("rtmp://{origin}/live/{stream}?{key}", "rtmp://a/live/b"),
        ] {
            template.clone_into(&mut options.publish_url);
            assert!(options.publish_url("a", "b").contains("secret"));
            assert_eq!(options.publish_url_shown("a", "b"), shown);
        }
    }
}
