//! What `--set` can change, and what follows from it.

use lt_sdk::prelude::*;

use crate::decide::Behaviour;

/// What `--set` can change.
#[derive(Settings)]
pub(crate) struct Options {
    /// Where the server is, http or https
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
    /// In how many of 100 ticks a user chats; may change during the run
    #[setting(default = 5, max = 10)]
    pub(crate) chattiness: Live<u8>,
    /// Users say nothing; may change during the run
    #[setting(default = false)]
    pub(crate) disable_chat: Live<bool>,
    /// Users who are in the plenary stay; may change during the run
    #[setting(default = false)]
    pub(crate) disable_event_leaving: Live<bool>,
    /// Users join no breakouts; may change during the run
    #[setting(default = false)]
    pub(crate) disable_breakout_joining: Live<bool>,
    /// Users begin at times spread over this long, after registering
    #[setting(default = "30s")]
    pub(crate) start_jitter: Duration,
    /// Time between two decisions of a user
    #[setting(default = "1s", min = "10ms")]
    pub(crate) tick: Duration,
    /// How often a socket tells the server that its user is alive
    #[setting(default = "25s", min = "1s")]
    pub(crate) heartbeat_interval: Duration,
    /// How long a user waits for the server to let it into a room
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
    /// With what is wrong.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(
            self.username_template.matches(ID_MARK).count() == 1,
            "username-template must have {ID_MARK} once, for the user's id: {}",
            self.username_template
        );
        ensure!(slugs(&self.plenary).next().is_some(), "plenary names none");
        for slug in slugs(&self.plenary) {
            ensure!(
                slug.len() <= SLUG_BYTES_MAX && !slug.contains(['/', '?', '#', '%', ' ']),
                "plenary: `{slug}` is no slug"
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
    /// None: the host knows the settings and has checked their values.
    pub(crate) fn behaviour(&self) -> Result<Behaviour> {
        Ok(Behaviour {
            chattiness: self.chattiness.get()?,
            chat: !self.disable_chat.get()?,
            leaving: !self.disable_event_leaving.get()?,
            breakouts: !self.disable_breakout_joining.get()?,
        })
    }
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
