//! What `--set` can change, and what follows from it.

use lt_sdk::prelude::*;

use crate::decide::Behaviour;

/// What `--set` can change.
#[derive(Settings)]
pub(crate) struct Options {
    /// Where the server is: http or https, host and port, no path
    #[setting(default = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// The plenary's slug; among several, separated by commas, users are dealt out evenly
    #[setting(default = "test")]
    pub(crate) plenary: String,
    /// Names of the accounts: %s stands for the user's id
    #[setting(default = "loadtest%s")]
    pub(crate) username_template: String,
    /// Password of all accounts, to register and to log in with
    #[setting(default = "password", secret)]
    pub(crate) password: String,
    /// How much users chat: 0 never, 5 in every twentieth tick, 10 in every tenth
    #[setting(default = 5, max = 10)]
    pub(crate) chattiness: Live<u8>,
    /// true: users say nothing, whatever the chattiness
    #[setting(default = false)]
    pub(crate) disable_chat: Live<bool>,
    /// true: users who are in the plenary stay until the end
    #[setting(default = false)]
    pub(crate) disable_event_leaving: Live<bool>,
    /// true: users join no breakouts
    #[setting(default = false)]
    pub(crate) disable_breakout_joining: Live<bool>,
    /// Users begin at times spread over this long, each counted from when it has signed in
    #[setting(default = "30s")]
    pub(crate) start_jitter: Duration,
    /// Time between two decisions of a user
    #[setting(default = "1s", min = "10ms")]
    pub(crate) tick: Duration,
    /// How often a socket tells the server that its user is alive
    #[setting(default = "25s", min = "1s")]
    pub(crate) heartbeat_interval: Duration,
    /// How long a user waits for the server to let it into the plenary; for a breakout 5s at most
    #[setting(default = "20s", min = "100ms")]
    pub(crate) join_timeout: Duration,
}

/// Stands for the id in the template of names.
const ID_MARK: &str = "%s";

/// Longest slug: the audience that is named after it has at most 128 bytes.
const SLUG_BYTES_MAX: usize = 100;

impl Options {
    /// Refuse what no user could work with.
    ///
    /// # Errors
    /// With what is wrong, and what to give instead.
    pub(crate) fn check(&self) -> Result<()> {
        check_url(&self.url)?;
        ensure!(
            self.username_template.matches(ID_MARK).count() == 1,
            "username-template must have {ID_MARK} once, for the user's id: {}",
            self.username_template
        );
        ensure!(
            slugs(&self.plenary).next().is_some(),
            "plenary names none: give an event's slug, as in /event/SLUG/"
        );
        for slug in slugs(&self.plenary) {
            ensure!(
                slug.len() <= SLUG_BYTES_MAX && !slug.contains(['/', '?', '#', '%', ' ']),
                "plenary: `{slug}` is no slug: give what stands for SLUG in /event/SLUG/"
            );
        }
        Ok(())
    }

    /// The server's URL without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// The account of the user with this id.
    pub(crate) fn name_of(&self, id: u64) -> String {
        self.username_template.replace(ID_MARK, &id.to_string())
    }

    /// The plenary of the user with this id.
    pub(crate) fn slug_of(&self, id: u64) -> &str {
        slug_of(&self.plenary, id)
    }

    /// What users may do now.
    ///
    /// # Errors
    /// If the host does not know a setting, or its value is none: it looks at both before the run.
    pub(crate) fn behaviour(&self) -> Result<Behaviour> {
        Ok(Behaviour {
            chattiness: self.chattiness.get()?,
            chat: !self.disable_chat.get()?,
            leaving: !self.disable_event_leaving.get()?,
            breakouts: !self.disable_breakout_joining.get()?,
        })
    }
}

/// Pages and sockets are found below the server's root: a path would be lost on the way to the sockets.
fn check_url(url: &str) -> Result<()> {
    const EXAMPLE: &str = "such as http://127.0.0.1:8080";
    let behind = url.split_once("://").and_then(|(scheme, behind)| {
        let known = ["http", "https"]
            .iter()
            .any(|it| scheme.eq_ignore_ascii_case(it));
        known.then_some(behind)
    });
    let Some(behind) = behind else {
        bail!("url: `{url}` is no http or https URL: give one, {EXAMPLE}");
    };
    let (host, path) = behind.split_at(behind.find(['/', '?', '#']).unwrap_or(behind.len()));
    ensure!(
        !host.is_empty() && !host.contains(char::is_whitespace),
        "url: `{url}` names no host: give one, {EXAMPLE}"
    );
    ensure!(
        path.chars().all(|it| it == '/'),
        "url: leave out `{path}` and give the server alone, {EXAMPLE}: the event is the setting plenary"
    );
    Ok(())
}

/// The slugs of a list.
fn slugs(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|slug| !slug.is_empty())
}

/// The plenary of the user with this id: ids in a row are dealt out evenly.
fn slug_of(list: &str, id: u64) -> &str {
    let count = slugs(list).count().max(1) as u64;
    slugs(list).nth((id % count) as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_that_of_a_server() {
        for url in [
            "http://127.0.0.1:8080",
            "https://chat.test/",
            "HTTP://[::1]:80//",
        ] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for (url, told) in [
            ("127.0.0.1:8080", "no http or https URL"),
            ("ws://a", "no http or https URL"),
            ("", "no http or https URL"),
            ("http://", "names no host"),
            ("http:///event", "names no host"),
            ("http://a b/", "names no host"),
            ("http://a/event/test/", "leave out `/event/test/`"),
            ("http://a?b", "leave out `?b`"),
        ] {
            let error = check_url(url).map_err(|error| error.to_string());
            assert!(
                matches!(&error, Err(text) if text.starts_with("url: ") && text.contains(told)),
                "{url}: {error:?}"
            );
        }
    }

    #[test]
    fn users_are_dealt_out_evenly() {
        let list = " test, other,,third ,";
        assert_eq!(slugs(list).collect::<Vec<_>>(), ["test", "other", "third"]);
        let dealt: Vec<_> = (101..131).map(|id| slug_of(list, id)).collect();
        for slug in slugs(list) {
            let users = dealt.iter().filter(|&&other| other == slug).count();
            assert_eq!(users, 10, "{slug}");
        }
        assert_eq!(slug_of("test", u64::MAX), "test");
        assert_eq!(slug_of("", 1), "");
    }
}
