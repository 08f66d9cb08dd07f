//! Typed settings: what `--set name=value` fills in.
//!
//! A struct under [`#[derive(Settings)]`](macro@crate::Settings) declares one setting a field. The host knows the
//! declarations, checks every value before a run starts, and prints them in `lt-host describe`.

mod duration;
mod value;

use crate::bindings::lt::scenario::types;
use crate::error::{Error, Result};

pub(crate) use duration::parse as parse_duration;
#[doc(hidden)]
pub use types::Setting as RawSetting;
pub use value::{Kind, Live, SettingValue};

/// A set of settings; derive it.
///
/// - The field's name in kebab-case is the setting's name, its doc comment what `lt-host describe` says of it.
/// - The field's type says what values look like: `String`, `bool`, integers, `f32` and `f64`, `Duration`
///   (`250ms`, `10s`, `1m30s`), or a type of yours that is a [`SettingValue`]. `Option<T>` may be left out, [`Live<T>`]
///   may change during the run. The range of an integer type is the range of the setting unless you narrow it.
/// - `#[setting(…)]` takes `default = …` (without one the setting must be given), `allowed("a", "b")`, `min = …`,
///   `max = …`, `name = "…"`, `live` (ask again with [`Settings::load`]) and `secret` (never shown).
/// - `#[setting(flatten)]` is for a field whose type is a set of settings itself: they stand among the others under their own
///   names. So a library brings the settings that it needs, as [`xmpp::Login`](crate::xmpp::Login) does.
///
/// ```
/// use lt_sdk::prelude::*;
/// use lt_sdk::timing::Duration;
///
/// #[derive(Settings)]
/// struct Shop {
///     /// Where the shop is
///     #[setting(default = "http://127.0.0.1:8080")]
///     base_url: String,
///     /// Pause between two pages
///     #[setting(default = "2s", max = "1m")]
///     think_time: Duration,
///     /// Goods in one order
///     #[setting(default = 3, min = 1)]
///     size: Live<u8>,
///     /// How to pay
///     #[setting(default = "card", allowed("card", "invoice"))]
///     payment: String,
///     /// Sign in as this user
///     login: Option<String>,
///     /// Password of the account; must be given
///     #[setting(secret)]
///     password: String,
/// }
/// # let names: Vec<_> = Shop::declarations().into_iter().map(|setting| setting.name).collect();
/// # assert_eq!(names, ["base-url", "think-time", "size", "payment", "login", "password"]);
/// ```
pub trait Settings: Sized {
    /// What the host is told of the settings.
    #[doc(hidden)]
    fn declarations() -> Vec<types::Setting>;

    /// Read the present values from the host. Live settings may have changed since `join`.
    ///
    /// # Errors
    /// If a value does not fit its type; the host's own check makes that impossible but for
    /// `Option`s and types of yours.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// #[derive(Settings)]
    /// struct Pace {
    ///     /// Messages a second
    ///     #[setting(default = 1.0, live)]
    ///     rate: f64,
    /// }
    ///
    /// fn pause() -> Result<Duration> {
    ///     Ok(Duration::from_secs_f64(1.0 / Pace::load()?.rate))
    /// }
    /// ```
    fn load() -> Result<Self>;
}

/// The settings of a scenario that has none.
///
/// ```
/// # use lt_sdk::prelude::*;
/// # #[derive(Default)]
/// # struct Ping;
/// #[lt_sdk::scenario]
/// impl Scenario for Ping {
///     type Settings = lt_sdk::settings::NoSettings; // the default
///     // …
/// #   fn iterate(&mut self) {}
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSettings;

impl Settings for NoSettings {
    fn declarations() -> Vec<types::Setting> {
        Vec::new()
    }

    fn load() -> Result<Self> {
        Ok(Self)
    }
}

/// A field's declaration, as the derive macro writes it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    pub name: &'static str,
    pub doc: &'static str,
    pub default: Option<&'static str>,
    pub allowed: &'static [&'static str],
    pub minimum: Option<&'static str>,
    pub maximum: Option<&'static str>,
    pub live: bool,
    pub secret: bool,
}

/// What the host is told of a field of type `T`.
#[doc(hidden)]
#[must_use]
pub fn declare<T: SettingValue>(field: &Declaration) -> types::Setting {
    let kind = if field.secret {
        types::SettingKind::Secret
    } else {
        T::KIND.into()
    };
    let access = if field.live || T::LIVE {
        types::SettingAccess::Live
    } else {
        types::SettingAccess::ReadOnly
    };
    let allowed = if field.allowed.is_empty() {
        T::ALLOWED
    } else {
        field.allowed
    };
    types::Setting {
        name: field.name.to_owned(),
        doc: field.doc.to_owned(),
        kind,
        default: field.default.or(T::DEFAULT).map(str::to_owned),
        allowed: allowed.iter().map(|&value| value.to_owned()).collect(),
        minimum: field.minimum.or(T::MINIMUM).map(str::to_owned),
        maximum: field.maximum.or(T::MAXIMUM).map(str::to_owned),
        access,
    }
}

/// The present value of a setting.
#[doc(hidden)]
pub fn load<T: SettingValue>(name: &'static str) -> Result<T> {
    T::load(name)
}

/// Why a value cannot be used. It stops the run: every user would find the same.
/// The value itself is left out, since it may be a secret.
#[cold]
fn unusable(name: &str, known: bool, kind: Kind) -> Error {
    // Joined and not formatted: this stands in the path of every scenario.
    Error::abort_run(if known {
        ["setting ", name, ": its value is no ", kind.name()].concat()
    } else {
        ["setting ", name, ": the host does not know it"].concat()
    })
}
