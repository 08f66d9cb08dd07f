//! One measured value, and the vocabulary to speak of it: metric ids, kinds, units, tags.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which metric, as an index into the run's [`Registry`](crate::Registry). Ids of built-in metrics are constants in
/// [`builtin`](crate::builtin); all recorders of a run agree on them because they share the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId(pub(crate) u16);

impl MetricId {
    /// Position in the registry, and in every list that has one entry a metric.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// How the values of a metric add up. The four of k6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl Kind {
    /// The name in k6's files and in messages: `counter`, `gauge`, `rate`, `trend`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Rate => "rate",
            Self::Trend => "trend",
        }
    }

    /// What thresholds may ask of this kind, as they are typed (k6's rules).
    #[must_use]
    pub fn aggregates(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["count", "rate"],
            Self::Gauge => &["value"],
            Self::Rate => &["rate"],
            Self::Trend => &["avg", "min", "max", "med", "p(N)"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the values of a metric measure: decides how they are shown, and that times are kept in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// A plain number.
    #[serde(rename = "default")]
    None,
    /// A length of time: milliseconds wherever a person or a scenario sees it, nanoseconds inside.
    #[serde(rename = "time")]
    Time,
    /// Bytes.
    #[serde(rename = "data")]
    Data,
}

impl Unit {
    /// The name k6 gives it in `contains`: `default`, `time`, `data`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "default",
            Self::Time => "time",
            Self::Data => "data",
        }
    }
}

/// The tags of a sample: pairs of name and value, sorted by name, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tags(Box<[(Arc<str>, Arc<str>)]>);

impl Tags {
    /// From pairs in any order; of equal names the last one counts.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    /// The value of a tag.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self
            .0
            .binary_search_by(|(candidate, _)| candidate.as_ref().cmp(name))
            .ok()?;
        self.0.get(at).map(|(_, value)| value.as_ref())
    }

    /// All pairs, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// How many tags.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These tags and `extra`; of equal names `extra` counts. Shares the texts that stay.
    #[must_use]
    pub fn with(&self, extra: &[(&str, &str)]) -> Self {
        let added = extra
            .iter()
            .map(|(name, value)| (Arc::from(*name), Arc::from(*value)));
        self.0.iter().cloned().chain(added).collect()
    }

    /// Only the tags whose name `keep` accepts.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| keep(name))
                .cloned()
                .collect(),
        )
    }

    /// Whether every tag of `selector` is here with the same value: k6's rule for submetrics.
    #[must_use]
    pub fn matches(&self, selector: &Self) -> bool {
        selector
            .iter()
            .all(|(name, value)| self.get(name) == Some(value))
    }
}

impl FromIterator<(Arc<str>, Arc<str>)> for Tags {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Arc<str>)>>(pairs: I) -> Self {
        let mut sorted: Vec<(Arc<str>, Arc<str>)> = pairs.into_iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0)); // stable: the last of equal names stays last
        let mut unique: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(sorted.len());
        for pair in sorted {
            match unique.last_mut() {
                Some(last) if last.0 == pair.0 => *last = pair,
                _ => unique.push(pair),
            }
        }
        Self(unique.into_boxed_slice())
    }
}

/// `name:value,name:value`, as selectors are typed.
impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, value)) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{name}:{value}")?;
        }
        Ok(())
    }
}

/// A tag set that one [`Recorder`](crate::Recorder) knows. It means nothing to another recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagsId(pub(crate) u32);

impl TagsId {
    /// No tags: known to every recorder.
    pub const EMPTY: Self = Self(0);
}

/// One value as it was recorded, for outputs that write every one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Which metric.
    pub metric: MetricId,
    /// Its tags.
    pub tags: Arc<Tags>,
    /// The value; times in milliseconds.
    pub value: f64,
    /// When it was recorded, which is the end of what was measured: nanoseconds since 1970, UTC.
    pub time_unix_ns: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_the_last_of_equal_names_counts() {
        let tags = Tags::new([("b", "1"), ("a", "2"), ("b", "3")]);
        assert_eq!(tags.to_string(), "a:2,b:3");
        assert_eq!(tags.get("b"), Some("3"));
        assert_eq!(tags.get("c"), None);
        assert_eq!(
            tags.with(&[("a", "9"), ("c", "4")]).to_string(),
            "a:9,b:3,c:4"
        );
        assert_eq!(tags.filtered(|name| name == "a").to_string(), "a:2");
    }

    #[test]
    fn a_selector_matches_when_all_its_tags_are_there() {
        let tags = Tags::new([("status", "200"), ("method", "GET")]);
        assert!(tags.matches(&Tags::default()));
        assert!(tags.matches(&Tags::new([("method", "GET")])));
        assert!(!tags.matches(&Tags::new([("method", "POST")])));
        assert!(!tags.matches(&Tags::new([("method", "GET"), ("proto", "HTTP/2.0")])));
    }
}
