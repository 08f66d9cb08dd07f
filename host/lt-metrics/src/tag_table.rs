//! The tag sets one recorder knows, each with the submetrics it matches, worked out once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::plan::SubmetricPlan;
use crate::sample::{MetricId, Tags, TagsId};

/// Tag sets of one recorder. A run with 20 requests by name, 10 statuses and 3 scenarios has 600; what has more
/// puts a changing URL into a tag and should give requests a name. About 1 KB each.
pub const TAG_SETS_MAX: usize = 4096;
/// Further sets once [`TAG_SETS_MAX`] are known, reduced to the tags that submetrics ask for, so that thresholds
/// stay true. What is beyond these too goes to one set without tags.
const REDUCED_SETS_MAX: usize = 512;

/// Which submetrics the samples of a tag set also count for.
#[derive(Debug)]
struct Entry {
    tags: Arc<Tags>,
    /// One bit a metric (modulo 128) that has a submetric here: lets most samples skip the list.
    mask: u128,
    /// Metric and position of each submetric.
    matches: Box<[(MetricId, u16)]>,
}

/// A set that was made of a known one and more tags.
#[derive(Debug)]
struct Derived {
    base: TagsId,
    extra: Box<[(Box<str>, Box<str>)]>,
    result: TagsId,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct TagTable {
    plan: Arc<SubmetricPlan>,
    /// The empty set, for ids this table does not know.
    none: Arc<Tags>,
    entries: Vec<Entry>,
    by_tags: HashMap<Arc<Tags>, TagsId>,
    derived: HashMap<u64, Vec<Derived>>,
    hasher: RandomState,
}

impl TagTable {
    pub(crate) fn new(plan: Arc<SubmetricPlan>) -> Self {
        let mut table = Self {
            plan,
            none: Arc::default(),
            entries: Vec::new(),
            by_tags: HashMap::new(),
            derived: HashMap::new(),
            hasher: RandomState::new(),
        };
        table.insert(Tags::default()); // TagsId::EMPTY
        table
    }

    /// Match all sets, those known already too, by a plan that extends the present one.
    pub(crate) fn follow(&mut self, plan: Arc<SubmetricPlan>) {
        for entry in &mut self.entries {
            (entry.mask, entry.matches) = matches_of(&plan, &entry.tags);
        }
        self.plan = plan;
    }

    /// The id of a tag set. The flag is false if tags were lost because there are too many sets.
    pub(crate) fn intern(&mut self, tags: Tags) -> (TagsId, bool) {
        if let Some(known) = self.by_tags.get(&tags) {
            return (*known, true);
        }
        if self.entries.len() < TAG_SETS_MAX {
            return (self.insert(tags), true);
        }
        let plan = Arc::clone(&self.plan);
        let reduced = tags.filtered(|name| plan.asks_for(name));
        if let Some(known) = self.by_tags.get(&reduced) {
            return (*known, false);
        }
        if self.entries.len() < TAG_SETS_MAX + REDUCED_SETS_MAX {
            return (self.insert(reduced), false);
        }
        (TagsId::EMPTY, false)
    }

    /// The id of a known set with more tags. Does not allocate once the combination is known.
    pub(crate) fn derive(&mut self, base: TagsId, extra: &[(&str, &str)]) -> (TagsId, bool) {
        if extra.is_empty() {
            return (base, true);
        }
        let hash = self.hasher.hash_one((base, extra));
        let known = self
            .derived
            .get(&hash)
            .and_then(|list| list.iter().find(|derived| derived.is(base, extra)));
        if let Some(known) = known {
            return (known.result, true);
        }
        let (result, whole) = self.intern(self.tags(base).with(extra));
        if whole {
            let extra = extra
                .iter()
                .map(|(name, value)| (Box::from(*name), Box::from(*value)))
                .collect();
            self.derived.entry(hash).or_default().push(Derived {
                base,
                extra,
                result,
            });
        }
        (result, whole)
    }

    /// The tags of a set; none for an id of another recorder.
    pub(crate) fn tags(&self, id: TagsId) -> &Arc<Tags> {
        self.entries
            .get(id.0 as usize)
            .map_or(&self.none, |entry| &entry.tags)
    }

    /// Call `each` with the position of every submetric that a sample of this metric and set counts for.
    #[inline]
    pub(crate) fn each_submetric(&self, metric: MetricId, id: TagsId, mut each: impl FnMut(usize)) {
        let Some(entry) = self.entries.get(id.0 as usize) else {
            return;
        };
        if entry.mask & bit(metric) == 0 {
            return;
        }
        for (of, position) in &entry.matches {
            if *of == metric {
                each(usize::from(*position));
            }
        }
    }

    /// The same for those that select by this tag: what a sample counts for that is a part of another.
    pub(crate) fn each_submetric_by(
        &self,
        tag: &str,
        metric: MetricId,
        id: TagsId,
        mut each: impl FnMut(usize),
    ) {
        let entries = self.plan.entries();
        self.each_submetric(metric, id, |position| {
            let entry = entries.get(position);
            if entry.is_some_and(|entry| entry.selector.get(tag).is_some()) {
                each(position);
            }
        });
    }

    fn insert(&mut self, tags: Tags) -> TagsId {
        let tags = Arc::new(tags);
        let (mask, matches) = matches_of(&self.plan, &tags);
        // The caps keep the position far below the limit of the type.
        let id = TagsId(u32::try_from(self.entries.len()).unwrap_or(0));
        self.by_tags.insert(Arc::clone(&tags), id);
        self.entries.push(Entry {
            tags,
            mask,
            matches,
        });
        id
    }
}

impl Derived {
    fn is(&self, base: TagsId, extra: &[(&str, &str)]) -> bool {
        let own = self
            .extra
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()));
        self.base == base && own.eq(extra.iter().copied())
    }
}

/// The submetrics that samples of a tag set also count for, and their mask.
fn matches_of(plan: &SubmetricPlan, tags: &Tags) -> (u128, Box<[(MetricId, u16)]>) {
    let entries = plan.entries().iter().enumerate();
    let own = entries.filter(|(_, submetric)| tags.matches(&submetric.selector));
    let matches: Box<[(MetricId, u16)]> = own
        .filter_map(|(position, submetric)| Some((submetric.metric, u16::try_from(position).ok()?)))
        .collect();
    let mask = matches
        .iter()
        .fold(0, |mask, (metric, _)| mask | bit(*metric));
    (mask, matches)
}

fn bit(metric: MetricId) -> u128 {
    1 << (metric.0 % 128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{CHECKS, HTTP_REQ_DURATION};
    use crate::registry::Registry;

    fn table(thresholds: &[&str]) -> TagTable {
        let thresholds: Vec<_> = thresholds
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        TagTable::new(Arc::new(
            SubmetricPlan::new(&Registry::new(), &thresholds).unwrap(),
        ))
    }

    fn positions(table: &TagTable, metric: MetricId, id: TagsId) -> Vec<usize> {
        let mut found = Vec::new();
        table.each_submetric(metric, id, |position| found.push(position));
        found
    }

    #[test]
    fn equal_sets_share_an_id_however_they_came() {
        let mut table = table(&[]);
        let (base, _) = table.intern(Tags::new([("scenario", "shop")]));
        let (one, _) = table.derive(base, &[("status", "200"), ("method", "GET")]);
        let (same, _) = table.derive(base, &[("method", "GET"), ("status", "200")]);
        let (again, _) = table.intern(Tags::new([
            ("method", "GET"),
            ("scenario", "shop"),
            ("status", "200"),
        ]));
        assert_eq!((one, one), (same, again));
        assert_eq!(
            table.tags(one).to_string(),
            "method:GET,scenario:shop,status:200"
        );
        assert_eq!(table.derive(base, &[]), (base, true));
        assert!(table.tags(TagsId(999)).is_empty());
    }

    #[test]
    fn a_set_knows_its_submetrics() {
        let mut table = table(&[
            "http_req_duration{name:cart}:max<1",
            "checks{name:cart}:rate>0",
        ]);
        let (id, _) = table.intern(Tags::new([("expected_response", "true"), ("name", "cart")]));
        assert_eq!(positions(&table, HTTP_REQ_DURATION, id), [0, 1]);
        assert_eq!(positions(&table, CHECKS, id), [2]);
        assert!(positions(&table, CHECKS, TagsId::EMPTY).is_empty());
    }

    #[test]
    fn when_sets_run_out_thresholds_stay_true() {
        let mut table = table(&[]);
        for number in 0..2 * TAG_SETS_MAX {
            let (id, whole) = table.derive(
                TagsId::EMPTY,
                &[("url", &number.to_string()), ("expected_response", "true")],
            );
            assert_eq!(whole, number < TAG_SETS_MAX - 1);
            assert_eq!(positions(&table, HTTP_REQ_DURATION, id), [0]);
        }
        assert!(table.entries.len() <= TAG_SETS_MAX + REDUCED_SETS_MAX);
        for number in 0..2 * REDUCED_SETS_MAX {
            table.intern(Tags::new([("expected_response", number.to_string())]));
        }
        assert_eq!(table.entries.len(), TAG_SETS_MAX + REDUCED_SETS_MAX);
        assert_eq!(
            table.intern(Tags::new([("expected_response", "new")])),
            (TagsId::EMPTY, false)
        );
    }
}
