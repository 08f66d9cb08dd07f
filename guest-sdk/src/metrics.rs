//! Custom metrics, checks and groups. Requests are measured by the host without asking.

use crate::bindings::lt::scenario::metrics as host;
use crate::bindings::lt::scenario::types;
use crate::timing::Duration;

/// Why a metric could not be opened or fed.
///
/// ```
/// let error = lt_sdk::metrics::Error::TooManyMetrics;
/// assert_eq!(error.to_string(), "the run has as many metrics as it may have");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The name is empty, longer than 128 characters, or has other characters than letters, digits and underscores.
    InvalidName(String),
    /// The name exists with another kind or unit, or is a built-in's.
    KindMismatch(String),
    /// The run has as many metrics as it may have.
    TooManyMetrics,
    /// The value is not finite, or negative where the kind is a counter.
    InvalidValue(f64),
    /// Anything else, as text for people.
    Other(String),
}

impl From<host::ErrorCode> for Error {
    fn from(code: host::ErrorCode) -> Self {
        match code {
            host::ErrorCode::InvalidName(name) => Self::InvalidName(name),
            host::ErrorCode::KindMismatch(name) => Self::KindMismatch(name),
            host::ErrorCode::TooManyMetrics => Self::TooManyMetrics,
            host::ErrorCode::InvalidValue(value) => Self::InvalidValue(value),
            host::ErrorCode::Other(text) => Self::Other(text),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InvalidName(name) => write!(f, "`{name}` is no name for a metric"),
            Self::KindMismatch(name) => write!(f, "metric {name} has another kind or unit"),
            Self::TooManyMetrics => f.write_str("the run has as many metrics as it may have"),
            // Without the number: formatting floats would bring their tables into every scenario.
            Self::InvalidValue(_) => {
                f.write_str("the value is not finite, or negative in a counter")
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// The kinds of metrics, for [`Description::metric`](crate::Description::metric).
///
/// ```
/// let kind = lt_sdk::metrics::Kind::Trend;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// The last value, with minimum and maximum.
    Gauge,
    /// The share of values that are not zero.
    Rate,
    /// A distribution.
    Trend,
}

impl From<Kind> for types::MetricKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge => Self::Gauge,
            Kind::Rate => Self::Rate,
            Kind::Trend => Self::Trend,
        }
    }
}

/// What a metric's values measure, for display.
///
/// ```
/// let unit = lt_sdk::metrics::Unit::Data;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    None,
    /// Milliseconds.
    Time,
    /// Bytes.
    Data,
}

impl From<Unit> for types::MetricUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::None => Self::None,
            Unit::Time => Self::Time,
            Unit::Data => Self::Data,
        }
    }
}

/// Tags of one value, in the contract's form.
fn tags(tags: &[(&str, &str)]) -> Vec<host::Tag> {
    tags.iter()
        .map(|&(name, value)| host::Tag {
            name: name.to_owned(),
            value: value.to_owned(),
        })
        .collect()
}

/// The kinds have the same first functions; only what `add` means differs, so each has its own text and example.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(host::Metric);

        impl $name {
            /// Open the metric; all users share it. The first to open an undeclared one creates it.
            ///
            /// # Errors
            /// If the name is unfit or taken, or the run has too many metrics.
            ///
            /// ```no_run
            #[doc = concat!("use lt_sdk::metrics::", stringify!($name), ";")]
            ///
            /// # fn main() -> lt_sdk::Result<()> {
            #[doc = concat!("let metric = ", stringify!($name), "::open(\"queue_length\")?;")]
            /// # Ok(())
            /// # }
            /// ```
            pub fn open(name: &str) -> Result<Self, Error> {
                Self::open_unit(name, Unit::None)
            }

            /// Open the metric, with what its values measure.
            ///
            /// # Errors
            /// Those of `open`.
            ///
            /// ```no_run
            #[doc = concat!("use lt_sdk::metrics::{", stringify!($name), ", Unit};")]
            ///
            /// # fn main() -> lt_sdk::Result<()> {
            #[doc = concat!("let metric = ", stringify!($name), "::open_unit(\"picture_size\", Unit::Data)?;")]
            /// # Ok(())
            /// # }
            /// ```
            pub fn open_unit(name: &str, unit: Unit) -> Result<Self, Error> {
                Ok(Self(host::Metric::open(name, types::MetricKind::$name, unit.into())?))
            }
        }
    };
}

handle! {
    /// A sum that only grows: orders, messages, bytes.
    ///
    /// ```no_run
    /// use lt_sdk::metrics::Counter;
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// let orders = Counter::open("orders")?;
    /// orders.add(1)?;
    /// orders.add_tagged(2, &[("payment", "card")])?;
    /// # Ok(())
    /// # }
    /// ```
    Counter
}

impl Counter {
    /// Add to the sum.
    ///
    /// # Errors
    /// None that a whole number can cause.
    ///
    /// ```no_run
    /// # fn order(orders: &lt_sdk::metrics::Counter) -> lt_sdk::Result<()> {
    /// orders.add(1)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add(&self, count: u32) -> Result<(), Error> {
        Ok(self.0.add(f64::from(count), &[])?)
    }

    /// Add to the sum, with tags.
    ///
    /// # Errors
    /// None that a whole number can cause.
    ///
    /// ```no_run
    /// # fn order(orders: &lt_sdk::metrics::Counter) -> lt_sdk::Result<()> {
    /// orders.add_tagged(1, &[("payment", "card")])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_tagged(&self, count: u32, with: &[(&str, &str)]) -> Result<(), Error> {
        Ok(self.0.add(f64::from(count), &tags(with))?)
    }
}

handle! {
    /// The last value, with minimum and maximum: a queue's length, a price.
    ///
    /// ```no_run
    /// use lt_sdk::metrics::Gauge;
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// let stock = Gauge::open("stock")?;
    /// stock.add(17.0)?;
    /// # Ok(())
    /// # }
    /// ```
    Gauge
}

impl Gauge {
    /// Set the value.
    ///
    /// # Errors
    /// If it is not finite.
    ///
    /// ```no_run
    /// # fn count(stock: &lt_sdk::metrics::Gauge) -> lt_sdk::Result<()> {
    /// stock.add(17.0)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add(&self, value: f64) -> Result<(), Error> {
        Ok(self.0.add(value, &[])?)
    }

    /// Set the value, with tags.
    ///
    /// # Errors
    /// If it is not finite.
    ///
    /// ```no_run
    /// # fn count(stock: &lt_sdk::metrics::Gauge) -> lt_sdk::Result<()> {
    /// stock.add_tagged(17.0, &[("shelf", "books")])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_tagged(&self, value: f64, with: &[(&str, &str)]) -> Result<(), Error> {
        Ok(self.0.add(value, &tags(with))?)
    }
}

handle! {
    /// The share of what was so: answers in time, carts that became orders.
    ///
    /// ```no_run
    /// use lt_sdk::metrics::Rate;
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// let converted = Rate::open("converted")?;
    /// converted.add(true)?;
    /// # Ok(())
    /// # }
    /// ```
    Rate
}

impl Rate {
    /// Count one case.
    ///
    /// # Errors
    /// None that a case can cause.
    ///
    /// ```no_run
    /// # fn leave(converted: &lt_sdk::metrics::Rate) -> lt_sdk::Result<()> {
    /// converted.add(false)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add(&self, so: bool) -> Result<(), Error> {
        Ok(self.0.add(f64::from(u8::from(so)), &[])?)
    }

    /// Count one case, with tags.
    ///
    /// # Errors
    /// None that a case can cause.
    ///
    /// ```no_run
    /// # fn leave(converted: &lt_sdk::metrics::Rate) -> lt_sdk::Result<()> {
    /// converted.add_tagged(true, &[("campaign", "spring")])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_tagged(&self, so: bool, with: &[(&str, &str)]) -> Result<(), Error> {
        Ok(self.0.add(f64::from(u8::from(so)), &tags(with))?)
    }
}

handle! {
    /// A distribution: minimum, average, percentiles.
    ///
    /// ```no_run
    /// use lt_sdk::metrics::{Trend, Unit};
    /// use lt_sdk::timing;
    ///
    /// # fn main() -> lt_sdk::Result<()> {
    /// let start = timing::now();
    /// // sign up, wait for the first picture
    /// Trend::open_unit("time_to_watch", Unit::Time)?.add_duration(start.elapsed())?;
    /// # Ok(())
    /// # }
    /// ```
    Trend
}

impl Trend {
    /// Record a value: milliseconds if the unit is time.
    ///
    /// # Errors
    /// If it is not finite.
    ///
    /// ```no_run
    /// # fn fill(cart: &lt_sdk::metrics::Trend) -> lt_sdk::Result<()> {
    /// cart.add(3.0)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add(&self, value: f64) -> Result<(), Error> {
        Ok(self.0.add(value, &[])?)
    }

    /// Record a value, with tags.
    ///
    /// # Errors
    /// If it is not finite.
    ///
    /// ```no_run
    /// # fn fill(cart: &lt_sdk::metrics::Trend) -> lt_sdk::Result<()> {
    /// cart.add_tagged(3.0, &[("customer", "new")])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_tagged(&self, value: f64, with: &[(&str, &str)]) -> Result<(), Error> {
        Ok(self.0.add(value, &tags(with))?)
    }

    /// Record a length of time, in a trend whose unit is [`Unit::Time`].
    ///
    /// # Errors
    /// None that a length of time can cause.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn wait(delay: &lt_sdk::metrics::Trend) -> lt_sdk::Result<()> {
    /// delay.add_duration(Duration::from_millis(120))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_duration(&self, duration: Duration) -> Result<(), Error> {
        self.add(duration.as_secs_f64() * 1e3)
    }
}
