//! Types that a setting can have.

use std::cell::RefCell;

use crate::bindings::lt::scenario::types::SettingKind;
use crate::error::Result;
use crate::timing::Duration;

/// What the values of a setting look like.
///
/// ```
/// use lt_sdk::settings::{Kind, SettingValue};
///
/// assert_eq!(<u32 as SettingValue>::KIND, Kind::Integer);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number, possibly negative.
    Integer,
    /// A decimal number.
    Number,
    /// A length of time with its unit: `250ms`, `10s`, `5m`, `1h`.
    Duration,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "value that this scenario knows",
            Self::Boolean => "boolean",
            Self::Integer => "integer of this size",
            Self::Number => "number",
            Self::Duration => "duration",
        }
    }
}

impl From<Kind> for SettingKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Boolean => Self::Boolean,
            Kind::Integer => Self::Integer,
            Kind::Number => Self::Number,
            Kind::Duration => Self::Duration,
        }
    }
}

// The implementations are not listed in errors: the note names them, in words that do not depend on what else is linked.

/// A type that a setting can have. Implement it for an enumeration of yours.
///
/// ```
/// use lt_sdk::settings::{Kind, SettingValue};
///
/// enum Payment {
///     Card,
///     Invoice,
/// }
///
/// impl SettingValue for Payment {
///     const KIND: Kind = Kind::Text;
///     const ALLOWED: &'static [&'static str] = &["card", "invoice"];
///
///     fn parse(text: &str) -> Option<Self> {
///         match text {
///             "card" => Some(Self::Card),
///             "invoice" => Some(Self::Invoice),
///             _ => None,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a setting cannot be a `{Self}`",
    label = "no type of a setting",
    note = "settings are `String`, `bool`, integers, `f32`, `f64`, `Duration`, `Option` and `Live` of these, \
            and your own types that implement `SettingValue`"
)]
pub trait SettingValue: Sized {
    /// What values look like, so that the host can check them.
    const KIND: Kind;
    /// The only values allowed, if not empty.
    const ALLOWED: &'static [&'static str] = &[];
    /// The default when the field states none; `None` makes the setting required.
    const DEFAULT: Option<&'static str> = None;
    /// The smallest value that the type can hold.
    const MINIMUM: Option<&'static str> = None;
    /// The largest value that the type can hold.
    const MAXIMUM: Option<&'static str> = None;
    /// Whether values of this type follow changes during the run.
    const LIVE: bool = false;

    /// The value that a text stands for; `None` if it stands for none.
    ///
    /// ```
    /// use lt_sdk::settings::SettingValue;
    ///
    /// assert_eq!(bool::parse("true"), Some(true));
    /// assert_eq!(u8::parse("256"), None);
    /// ```
    fn parse(text: &str) -> Option<Self>;

    /// Read the present value from the host.
    #[doc(hidden)]
    fn load(name: &'static str) -> Result<Self> {
        let text = crate::user::setting(name);
        let value = text.as_deref().and_then(Self::parse);
        value.ok_or_else(|| super::unusable(name, text.is_some(), Self::KIND))
    }
}

#[diagnostic::do_not_recommend]
impl SettingValue for String {
    const KIND: Kind = Kind::Text;

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl SettingValue for bool {
    const KIND: Kind = Kind::Boolean;

    fn parse(text: &str) -> Option<Self> {
        match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

#[diagnostic::do_not_recommend]
impl SettingValue for Duration {
    const KIND: Kind = Kind::Duration;

    fn parse(text: &str) -> Option<Self> {
        super::parse_duration(text)
    }
}

macro_rules! integers {
    ($($type:ty: $minimum:expr, $maximum:expr;)+) => {$(
        #[diagnostic::do_not_recommend]
        impl SettingValue for $type {
            const KIND: Kind = Kind::Integer;
            const MINIMUM: Option<&'static str> = $minimum;
            const MAXIMUM: Option<&'static str> = $maximum;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}

// Ranges of 64 bits are left out: the host's integers are as wide, and it could not read `u64::MAX`.
integers! {
    u8: Some("0"), Some("255");
    u16: Some("0"), Some("65535");
    u32: Some("0"), Some("4294967295");
    u64: Some("0"), None;
    i8: Some("-128"), Some("127");
    i16: Some("-32768"), Some("32767");
    i32: Some("-2147483648"), Some("2147483647");
    i64: None, None;
    // As on wasm32, wherever the declaration is made.
    usize: Some("0"), Some("4294967295");
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl SettingValue for $type {
            const KIND: Kind = Kind::Number;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok().filter(|value: &Self| value.is_finite())
            }
        }
    )+};
}

numbers!(f32, f64);

/// May be left out; an empty text is `None`. Since the host has no kind that is "a number or nothing", it takes any text
/// for anything but texts, and a value that does not fit ends the run in `init`.
#[diagnostic::do_not_recommend]
impl<T: SettingValue> SettingValue for Option<T> {
    const KIND: Kind = Kind::Text;
    const DEFAULT: Option<&'static str> = Some("");
    const LIVE: bool = T::LIVE;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(None)
        } else {
            T::parse(text).map(Some)
        }
    }
}

/// A setting that may change during the run: it keeps its value until the host says that settings have changed.
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// #[derive(Settings)]
/// struct Pace {
///     /// Pause between two messages
///     #[setting(default = "1s")]
///     pause: Live<Duration>,
/// }
///
/// fn wait(pace: &Pace) -> Result<()> {
///     timing::sleep(pace.pause.get()?);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Live<T> {
    name: &'static str,
    known: RefCell<Known<T>>,
}

/// A value, and the revision of the settings from which it counts.
#[derive(Clone, Debug)]
struct Known<T> {
    revision: u64,
    value: T,
}

impl<T: SettingValue + Clone> Live<T> {
    /// The present value: read anew only if a setting has changed.
    ///
    /// # Errors
    /// If it does not fit the type; see [`Settings::load`](super::Settings::load).
    ///
    /// ```no_run
    /// # fn users(limit: &lt_sdk::settings::Live<u32>) -> lt_sdk::Result<()> {
    /// let limit = limit.get()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self) -> Result<T> {
        let read = || T::load(self.name);
        // Asked for while it is asked for (by a type of yours whose `parse` does so): nothing is known then.
        let Ok(mut known) = self.known.try_borrow_mut() else {
            return read();
        };
        known.at(crate::user::settings_revision(), read).cloned()
    }
}

impl<T> Known<T> {
    /// The value at this revision; one that cannot be read leaves what was known.
    fn at(&mut self, revision: u64, read: impl FnOnce() -> Result<T>) -> Result<&T> {
        if self.revision != revision {
            self.value = read()?;
            self.revision = revision;
        }
        Ok(&self.value)
    }
}

#[diagnostic::do_not_recommend]
impl<T: SettingValue> SettingValue for Live<T> {
    const KIND: Kind = T::KIND;
    const ALLOWED: &'static [&'static str] = T::ALLOWED;
    const DEFAULT: Option<&'static str> = T::DEFAULT;
    const MINIMUM: Option<&'static str> = T::MINIMUM;
    const MAXIMUM: Option<&'static str> = T::MAXIMUM;
    const LIVE: bool = true;

    /// A text has no name to ask for again.
    fn parse(_text: &str) -> Option<Self> {
        None
    }

    fn load(name: &'static str) -> Result<Self> {
        // The revision first: a change between the two readings is then found by the next.
        let revision = crate::user::settings_revision();
        let value = T::load(name)?;
        let known = RefCell::new(Known { revision, value });
        Ok(Self { name, known })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values_or_nothing() {
        assert_eq!(u8::parse("255"), Some(255));
        assert_eq!(u8::parse("-1"), None);
        assert_eq!(f64::parse("1.5"), Some(1.5));
        assert_eq!(f64::parse("inf"), None);
        assert_eq!(bool::parse("yes"), None);
        assert_eq!(Option::<u8>::parse(""), Some(None));
        assert_eq!(Option::<u8>::parse("7"), Some(Some(7)));
        assert_eq!(Option::<u8>::parse("x"), None);
    }

    #[test]
    fn stated_ranges_are_those_of_the_types() {
        assert_eq!(u32::MAXIMUM, Some(u32::MAX.to_string().as_str()));
        assert_eq!(i32::MINIMUM, Some(i32::MIN.to_string().as_str()));
        assert_eq!(i16::MAXIMUM, Some(i16::MAX.to_string().as_str()));
        assert_eq!(u16::MAXIMUM, Some(u16::MAX.to_string().as_str()));
        assert_eq!(Live::<u8>::MAXIMUM, Some("255"));
    }

    #[test]
    fn a_live_value_is_read_again_when_the_revision_changes_and_only_then() {
        let mut known = Known {
            revision: 3,
            value: 1,
        };
        assert_eq!(known.at(3, || panic!("nothing has changed")).unwrap(), &1);
        assert!(known.at(4, || Err(crate::Error::msg("unfit"))).is_err());
        assert_eq!(known.at(4, || Ok(2)).unwrap(), &2);
        assert_eq!(known.at(4, || panic!("nothing has changed")).unwrap(), &2);
    }
}
