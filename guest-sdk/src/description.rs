//! What a scenario says of itself.

use crate::bindings::lt::scenario::types;
use crate::metrics::{Kind, Unit};
use crate::timing::Duration;

/// Name, text, settings, roles, metrics, files and suggested load of a scenario: what `lt-host describe` prints.
///
/// [`Scenario::describe`](crate::Scenario::describe) receives one with the crate's name, version and text, and returns it with
/// what is to be added; the settings follow from [`Scenario::Settings`](crate::Scenario::Settings).
///
/// ```
/// use lt_sdk::metrics::{Kind, Unit};
/// use lt_sdk::prelude::*;
///
/// # #[derive(Default)]
/// # struct Stream;
/// #[lt_sdk::scenario]
/// impl Scenario for Stream {
///     fn describe(base: Description) -> Description {
///         base.role("influencer", "publishes the stream", Share::Count(1))
///             .role("fan", "signs up and watches", Share::Weight(1))
///             .metric("time_to_watch", "From sign-up to the first picture", Kind::Trend, Unit::Time)
///             .users(100)
///     }
///     // …
/// #   fn iterate(&mut self) {}
/// }
/// ```
#[derive(Clone)]
pub struct Description(types::Description);

/// How many of the users play a role.
///
/// ```
/// use lt_sdk::Share;
///
/// // One teacher, every 53rd user a moderator, and of the others three readers for each writer.
/// let shares = [Share::Count(1), Share::Every(53), Share::Weight(3), Share::Weight(1)];
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// A share of the users, relative to the other roles' weights.
    Weight(u32),
    /// Exactly this many users, before the others are applied.
    Count(u64),
    /// Every so many-th user: 53 gives it one user in 53. At least 1.
    Every(u64),
}

impl Description {
    /// A description with nothing but a name (kebab-case), a version and a text for people.
    ///
    /// ```
    /// let description = lt_sdk::Description::new("shop", "1.2.0", "Buys one thing");
    /// ```
    #[must_use]
    pub fn new(name: &str, version: &str, doc: &str) -> Self {
        Self(types::Description {
            name: name.to_owned(),
            version: version.to_owned(),
            doc: doc.to_owned(),
            settings: Vec::new(),
            roles: Vec::new(),
            metrics: Vec::new(),
            load: types::DefaultLoad {
                users: None,
                duration: None,
                iterations: None,
            },
            steady: None,
            data: Vec::new(),
        })
    }

    /// Another text for people than the crate's description.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("shop", "1.2.0", "");
    /// let description = base.doc("Logs in, browses for a while, buys one thing");
    /// ```
    #[must_use]
    pub fn doc(mut self, doc: &str) -> Self {
        doc.clone_into(&mut self.0.doc);
        self
    }

    /// Add a role that users may play; a user finds its own in [`User::role`](crate::User).
    ///
    /// ```
    /// # use lt_sdk::Share;
    /// # let base = lt_sdk::Description::new("chat", "1.2.0", "");
    /// let description = base.role("reader", "never writes", Share::Weight(9));
    /// ```
    #[must_use]
    pub fn role(mut self, name: &str, doc: &str, share: Share) -> Self {
        let share = match share {
            Share::Weight(weight) => types::RoleShare::Weight(weight),
            Share::Count(count) => types::RoleShare::Count(count),
            Share::Every(nth) => types::RoleShare::Every(nth),
        };
        self.0.roles.push(types::Role {
            name: name.to_owned(),
            doc: doc.to_owned(),
            share,
        });
        self
    }

    /// Declare a custom metric, so that thresholds can name it. Open it with the same name, kind and unit.
    ///
    /// ```
    /// # use lt_sdk::metrics::{Kind, Unit};
    /// # let base = lt_sdk::Description::new("shop", "1.2.0", "");
    /// let description = base.metric("orders", "Orders placed", Kind::Counter, Unit::None);
    /// ```
    #[must_use]
    pub fn metric(mut self, name: &str, doc: &str, kind: Kind, unit: Unit) -> Self {
        self.0.metrics.push(types::MetricDeclaration {
            name: name.to_owned(),
            doc: doc.to_owned(),
            kind: kind.into(),
            unit: unit.into(),
        });
        self
    }

    /// What `--steady` waits for: the run is steady once the last [`check!`](crate::check!) of this name held for every user
    /// that was asked for. It replaces a condition named before.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("stream", "1.2.0", "");
    /// let description = base.steady_check("stream is up");
    /// ```
    #[must_use]
    pub fn steady_check(mut self, check: &str) -> Self {
        self.0.steady = Some(types::SteadyCondition::Check(check.to_owned()));
        self
    }

    /// What `--steady` waits for: the run is steady once the last value that every user gave the gauge of this name is not
    /// zero. It replaces a condition named before.
    ///
    /// ```
    /// # use lt_sdk::metrics::{Kind, Unit};
    /// # let base = lt_sdk::Description::new("chat", "1.2.0", "");
    /// let description = base
    ///     .metric("established", "1 while the connection stands", Kind::Gauge, Unit::None)
    ///     .steady_gauge("established");
    /// ```
    #[must_use]
    pub fn steady_gauge(mut self, gauge: &str) -> Self {
        self.0.steady = Some(types::SteadyCondition::Gauge(gauge.to_owned()));
        self
    }

    /// Declare a file that users read with [`data::asset`](crate::data::asset()): without `--asset NAME=FILE` no run starts.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("stream", "1.2.0", "");
    /// let description = base.asset("video", "what the influencer publishes");
    /// ```
    #[must_use]
    pub fn asset(self, name: &str, doc: &str) -> Self {
        self.data(name, doc, types::DataKind::Asset, true)
    }

    /// The same for a file that a run may be without.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("stream", "1.2.0", "");
    /// let description = base.optional_asset("avatar", "the picture of new users");
    /// ```
    #[must_use]
    pub fn optional_asset(self, name: &str, doc: &str) -> Self {
        self.data(name, doc, types::DataKind::Asset, false)
    }

    /// Declare records, with at least these fields, that users take from a [`data::Feeder`](crate::data::Feeder): without
    /// `--feeder NAME=FILE` no run starts.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("shop", "1.2.0", "");
    /// let description = base.feeder("accounts", "who may log in", &["name", "password"]);
    /// ```
    #[must_use]
    pub fn feeder(self, name: &str, doc: &str, fields: &[&str]) -> Self {
        self.data(name, doc, records(fields), true)
    }

    /// The same for records that a run may be without.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("shop", "1.2.0", "");
    /// let description = base.optional_feeder("coupons", "what some customers bring", &["code"]);
    /// ```
    #[must_use]
    pub fn optional_feeder(self, name: &str, doc: &str, fields: &[&str]) -> Self {
        self.data(name, doc, records(fields), false)
    }

    fn data(mut self, name: &str, doc: &str, kind: types::DataKind, required: bool) -> Self {
        self.0.data.push(types::DataDeclaration {
            name: name.to_owned(),
            doc: doc.to_owned(),
            kind,
            required,
        });
        self
    }

    /// Suggest a number of users; `--users` goes before it.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("shop", "1.2.0", "");
    /// let description = base.users(50);
    /// ```
    #[must_use]
    pub fn users(mut self, users: u64) -> Self {
        self.0.load.users = Some(users);
        self
    }

    /// Suggest how long a run takes; `--duration` goes before it.
    ///
    /// ```
    /// # use lt_sdk::timing::Duration;
    /// # let base = lt_sdk::Description::new("shop", "1.2.0", "");
    /// let description = base.duration(Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.0.load.duration = Some(crate::timing::nanos(duration));
        self
    }

    /// Suggest how many iterations are done, by all users together; `--iterations` goes before it.
    ///
    /// ```
    /// # let base = lt_sdk::Description::new("shop", "1.2.0", "");
    /// let description = base.iterations(1000);
    /// ```
    #[must_use]
    pub fn iterations(mut self, iterations: u64) -> Self {
        self.0.load.iterations = Some(iterations);
        self
    }

    /// With the settings that the scenario's type declares.
    pub(crate) fn with_settings(mut self, settings: Vec<types::Setting>) -> Self {
        self.0.settings = settings;
        self
    }

    /// What crosses to the host.
    pub(crate) fn into_bindings(self) -> types::Description {
        self.0
    }
}

/// Records with at least these fields.
fn records(fields: &[&str]) -> types::DataKind {
    types::DataKind::Feeder(fields.iter().map(|&field| field.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_reaches_the_contract() {
        let described = Description::new("shop", "1.2.0", "Buys")
            .doc("Buys one thing")
            .role("fan", "watches", Share::Weight(3))
            .metric("orders", "Orders placed", Kind::Counter, Unit::None)
            .users(7)
            .duration(Duration::from_secs(2))
            .iterations(9)
            .into_bindings();
        assert_eq!(
            (described.name.as_str(), described.doc.as_str()),
            ("shop", "Buys one thing")
        );
        assert!(matches!(
            described.roles[0].share,
            types::RoleShare::Weight(3)
        ));
        assert!(described.metrics[0].kind == types::MetricKind::Counter);
        assert_eq!(described.load.users, Some(7));
        assert_eq!(described.load.duration, Some(2_000_000_000));
        assert_eq!(described.load.iterations, Some(9));
    }

    #[test]
    fn files_and_the_steady_condition_reach_the_contract() {
        let described = Description::new("shop", "1.2.0", "Buys")
            .steady_check("was up")
            .steady_gauge("up")
            .asset("video", "to publish")
            .optional_feeder("accounts", "to log in", &["name", "password"])
            .role("reader", "reads", Share::Every(53))
            .into_bindings();
        assert!(
            matches!(described.steady, Some(types::SteadyCondition::Gauge(name)) if name == "up")
        );
        assert!(matches!(
            described.roles[0].share,
            types::RoleShare::Every(53)
        ));
        let [video, accounts] = described.data.as_slice() else {
            panic!("two files were declared");
        };
        assert!(video.required && matches!(video.kind, types::DataKind::Asset));
        assert!(!accounts.required);
        assert!(
            matches!(&accounts.kind, types::DataKind::Feeder(fields) if fields == &["name", "password"])
        );
    }
}
