//! Samples of one metric by kind: what failed, or how something ended. A rate says how much of it there was, its kinds say what
//! to look for, in the words that the tags of a threshold are made of.

use std::collections::BTreeMap;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserializer, Serializer};

/// Kinds told apart per metric: close codes, errors and statuses of one target are some twenty, and texts that a scenario
/// makes up as it goes must not take memory without end. Further ones count as [`OTHER_KINDS`].
pub const KINDS_MAX: usize = 64;
/// Bytes kept of the name of a kind: twice the longest that the host makes, and a line of a summary.
pub const KIND_BYTES_MAX: usize = 128;
/// What kinds beyond [`KINDS_MAX`] count as.
pub const OTHER_KINDS: &str = "others";
/// Up to here every whole number has a value of its own.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// One kind.
#[derive(Clone, Debug, PartialEq)]
pub struct KindCount {
    /// What it is called: `reset 1006`.
    pub kind: String,
    /// How often it came; of a counter the sum of its values.
    pub count: f64,
}

/// The kinds of one metric, bounded. What is named is exact as long as there is room for all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    named: BTreeMap<Box<str>, f64>,
    others: f64,
}

impl Kinds {
    pub(crate) fn add(&mut self, kind: &str, count: f64) {
        let kind = kind
            .get(..kind.floor_char_boundary(KIND_BYTES_MAX))
            .unwrap_or(kind);
        if let Some(known) = self.named.get_mut(kind) {
            *known += count;
        } else if self.named.len() < KINDS_MAX && kind != OTHER_KINDS {
            self.named.insert(kind.into(), count);
        } else {
            self.others += count;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.named {
            self.add(kind, *count);
        }
        self.others += other.others;
    }

    /// The most frequent first, equally frequent ones by name, and last what has no name.
    pub(crate) fn ranked(&self) -> Vec<KindCount> {
        let mut ranked: Vec<KindCount> = self
            .named
            .iter()
            .map(|(kind, count)| KindCount {
                kind: kind.as_ref().to_owned(),
                count: *count,
            })
            .collect();
        // Stable: they came by name.
        ranked.sort_by(|a, b| b.count.total_cmp(&a.count));
        if self.others > 0.0 {
            ranked.push(KindCount {
                kind: OTHER_KINDS.to_owned(),
                count: self.others,
            });
        }
        ranked
    }
}

/// As a JSON object in the order of the list; counts are whole numbers unless a counter's values were none.
pub(crate) fn serialize<S: Serializer>(
    kinds: &[KindCount],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(kinds.len()))?;
    for KindCount { kind, count } in kinds {
        if count.fract() == 0.0 && (0.0..=EXACT_MAX).contains(count) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number that fits"
            )]
            object.serialize_entry(kind, &(*count as u64))?;
        } else {
            object.serialize_entry(kind, count)?;
        }
    }
    object.end()
}

/// The reverse of [`serialize`].
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<KindCount>, D::Error> {
    deserializer.deserialize_map(Object)
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Vec<KindCount>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("counts by kind")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kinds = Vec::new();
        while let Some((kind, count)) = map.next_entry()? {
            kinds.push(KindCount { kind, count });
        }
        Ok(kinds)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::builtin::{WS_CLOSES, WS_CONNECT_FAILED, WS_SESSIONS};
    use crate::{Recorder, Registry, SubmetricPlan, Summary, TagsId, Totals};

    fn ranked(kinds: &Kinds) -> Vec<(String, f64)> {
        kinds
            .ranked()
            .into_iter()
            .map(|known| (known.kind, known.count))
            .collect()
    }

    #[test]
    fn the_most_frequent_come_first_and_equals_by_name() {
        let mut kinds = Kinds::default();
        for (kind, count) in [("b", 1.0), ("c", 5.0), ("a", 1.0), ("b", 0.5), ("d", 1.5)] {
            kinds.add(kind, count);
        }
        let wanted = [("c", 5.0), ("b", 1.5), ("d", 1.5), ("a", 1.0)];
        assert_eq!(ranked(&kinds), wanted.map(|(k, n)| (k.to_owned(), n)));
    }

    #[test]
    fn kinds_are_bounded_and_none_is_left_uncounted() {
        let (mut one, mut other) = (Kinds::default(), Kinds::default());
        for number in 0..2 * KINDS_MAX {
            one.add(&format!("{number:03}"), 1.0);
            other.add(&format!("{:03}", number + KINDS_MAX / 2), 1.0);
        }
        one.add("000", 6.0);
        one.add(OTHER_KINDS, 1.0);
        one.merge(&other);
        let all = ranked(&one);
        assert_eq!(all.len(), KINDS_MAX + 1);
        assert_eq!(all[0], ("000".to_owned(), 7.0));
        assert_eq!(all[1], (format!("{:03}", KINDS_MAX / 2), 2.0));
        assert_eq!(all[KINDS_MAX].0, OTHER_KINDS);
        let sum: f64 = all.iter().map(|(_, count)| count).sum();
        assert_eq!(sum - 7.0, (4 * KINDS_MAX) as f64);
    }

    #[test]
    fn names_are_cut_at_a_character() {
        let mut kinds = Kinds::default();
        kinds.add(&format!("x{}", "ä".repeat(KIND_BYTES_MAX)), 1.0);
        kinds.add(&format!("x{}", "ä".repeat(2 * KIND_BYTES_MAX)), 1.0);
        let all = ranked(&kinds);
        assert_eq!((all.len(), all[0].1), (1, 2.0));
        assert_eq!(all[0].0.len(), KIND_BYTES_MAX - 1);
    }

    fn recorders() -> ([Recorder; 2], Totals) {
        let registry = Arc::new(Registry::new());
        let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
        let recorder = || Recorder::new(registry.clone(), plan.clone(), false);
        ([recorder(), recorder()], Totals::new(registry, plan))
    }

    #[test]
    fn kinds_of_all_cores_and_seconds_add_up() {
        let (mut recorders, mut whole) = recorders();
        let mut interval = whole.clone();
        for second in 0..3 {
            interval.clear();
            for recorder in &mut recorders {
                for (number, count) in [(1000, 2), (1006, second)] {
                    for _ in 0..count {
                        recorder.record(WS_CLOSES, TagsId::EMPTY, 1.0);
                        recorder.kind(WS_CLOSES, format_args!("by-peer {number}"), 1.0);
                    }
                }
                recorder.record(WS_SESSIONS, TagsId::EMPTY, 1.0);
                let mut delta = recorder.take();
                interval.merge(&delta);
                delta.clear();
                recorder.recycle(delta);
            }
            whole.absorb(&interval);
        }
        let closes = |totals: &Totals| {
            let summary = totals.summary(Duration::from_secs(1));
            let kinds = summary.metric("ws_closes").unwrap().kinds.clone();
            kinds
                .into_iter()
                .map(|known| (known.kind, known.count))
                .collect::<Vec<_>>()
        };
        let wanted = |good: f64, bad: f64| {
            vec![
                ("by-peer 1000".to_owned(), good),
                ("by-peer 1006".to_owned(), bad),
            ]
        };
        assert_eq!(
            closes(&interval),
            wanted(4.0, 4.0),
            "of the last second alone"
        );
        assert_eq!(closes(&whole), wanted(12.0, 6.0));
        let summary = whole.summary(Duration::from_secs(1));
        assert!(summary.metric("ws_sessions").unwrap().kinds.is_empty());
    }

    #[test]
    fn a_summary_has_kinds_as_an_object_in_their_order() {
        let ([mut recorder, _], mut totals) = recorders();
        recorder.record(WS_SESSIONS, TagsId::EMPTY, 1.0);
        recorder.record(WS_CONNECT_FAILED, TagsId::EMPTY, 1.0);
        for (kind, count) in [("b", 1.0), ("z", 5.0), ("a", 2.5)] {
            recorder.kind(WS_CONNECT_FAILED, kind, count);
        }
        for count in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            recorder.kind(WS_CONNECT_FAILED, "nothing", count);
        }
        totals.merge(&recorder.take());
        let summary = totals.summary(Duration::from_secs(1));
        let text = serde_json::to_string(&summary).unwrap();
        assert!(text.contains(r#""kinds":{"z":5,"a":2.5,"b":1}"#), "{text}");
        assert_eq!(text.matches("kinds").count(), 1, "others have none");
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    }
}
