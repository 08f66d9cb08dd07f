//! Taking samples: one recorder a core, used from one thread, without a lock and without allocation once warm.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

// Looked up for every check, and bounded: a guest that makes names collide slows only its own core.
use rustc_hash::FxHashMap;

use crate::builtin::{CHECKS, GROUP_DURATION, SAMPLES_DROPPED, USER_FAILURES};
use crate::delta::{CheckDelta, Delta, GroupDelta};
use crate::failure::FailureClass;
use crate::plan::SubmetricPlan;
use crate::registry::Registry;
use crate::sample::{MetricId, Sample, Tags, TagsId};
use crate::sink::Sink;
use crate::tag_table::TagTable;

/// Checks that are listed by name. A summary of a thousand lines is already too long to read; further names still
/// count in `checks`.
pub const CHECKS_MAX: usize = 1000;
/// Groups that are listed by path; further ones still count in `group_duration`.
pub const GROUPS_MAX: usize = 1000;
/// Single samples that wait for one `take`, if they are kept: a second of 20 000 requests with 10 samples each, some 15 MB.
pub const SAMPLES_PENDING_MAX: usize = 200_000;
/// Combinations of tag set, check and group that are looked up at once; beyond it a check costs a microsecond.
const CHECK_SLOTS_MAX: usize = 16_384;

/// See the module. Everything recorded leaves it with [`Recorder::take`].
#[derive(Debug)]
pub struct Recorder {
    registry: Arc<Registry>,
    tags: TagTable,
    delta: Delta,
    /// The delta to fill next, if one was given back.
    spare: Option<Delta>,
    keep_samples: bool,
    /// The wall clock in nanoseconds since 1970; read only if samples are kept.
    wall_clock: fn() -> i64,
    texts: FxHashMap<Arc<str>, u32>,
    checks: Listed<(u32, u32), (Arc<str>, Arc<str>)>,
    check_slots: FxHashMap<(TagsId, u32, u32), CheckSlot>,
    groups: Listed<u32, Arc<str>>,
    /// Where the name of a kind is written, so that counting one does not allocate.
    kind: String,
}

/// What has a line of its own in the summary: positions by key, and what stands at each position.
#[derive(Debug)]
struct Listed<K, V> {
    positions: FxHashMap<K, usize>,
    values: Vec<V>,
}

/// Where the outcomes of a check go.
#[derive(Clone, Copy, Debug)]
struct CheckSlot {
    /// Line in the list; `None` if there are too many.
    line: Option<usize>,
    tags: TagsId,
}

impl Recorder {
    /// A recorder for one core. All recorders of a run share the registry and the plan. With `keep_samples` every
    /// single value is kept too, with the time of the wall clock.
    #[must_use]
    pub fn new(registry: Arc<Registry>, plan: Arc<SubmetricPlan>, keep_samples: bool) -> Self {
        Self::with_clock(registry, plan, keep_samples, unix_nanos)
    }

    /// As [`Recorder::new`], with another source of the wall clock's nanoseconds since 1970: for tests.
    #[must_use]
    pub fn with_clock(
        registry: Arc<Registry>,
        plan: Arc<SubmetricPlan>,
        keep_samples: bool,
        wall_clock: fn() -> i64,
    ) -> Self {
        Self {
            registry,
            tags: TagTable::new(plan),
            delta: Delta::default(),
            spare: None,
            keep_samples,
            wall_clock,
            texts: FxHashMap::default(),
            checks: Listed::new(),
            check_slots: FxHashMap::default(),
            groups: Listed::new(),
            kind: String::new(),
        }
    }

    /// Count what another plan names from now on: one that extends the present one. Tags that a set has lost because there are too
    /// many of them stay lost.
    pub fn follow(&mut self, plan: Arc<SubmetricPlan>) {
        self.tags.follow(plan);
    }

    /// The id of a tag set, the same for equal sets. Beyond [`TAG_SETS_MAX`](crate::TAG_SETS_MAX) sets, tags that no
    /// threshold asks for are left out, which is counted and warned of.
    pub fn intern(&mut self, tags: Tags) -> TagsId {
        let (id, whole) = self.tags.intern(tags);
        self.delta.tag_sets_cut += u64::from(!whole);
        id
    }

    /// The id of a known set with more tags, of which equal names replace the set's: the cheap way to tag each request,
    /// since it does not allocate once a combination is known.
    pub fn derive(&mut self, base: TagsId, extra: &[(&str, &str)]) -> TagsId {
        let (id, whole) = self.tags.derive(base, extra);
        self.delta.tag_sets_cut += u64::from(!whole);
        id
    }

    /// The tags behind an id.
    #[must_use]
    pub fn tags(&self, id: TagsId) -> &Arc<Tags> {
        self.tags.tags(id)
    }

    /// Record a value, in milliseconds if the metric is a time. What is not a finite number is ignored.
    #[inline]
    pub fn record(&mut self, metric: MetricId, tags: TagsId, value: f64) {
        self.put(metric, tags, |sink| sink.record(value));
        if self.keep_samples && value.is_finite() {
            self.keep(metric, tags, value);
        }
    }

    /// Record a length of time: the fast path of trends of times.
    #[inline]
    pub fn record_time(&mut self, metric: MetricId, tags: TagsId, time: Duration) {
        self.put(metric, tags, |sink| sink.record_time(time));
        if self.keep_samples {
            self.keep(metric, tags, time.as_secs_f64() * 1000.0);
        }
    }

    /// Record a part of what is recorded as a whole under the same metric, told by a tag: one step of a connect. It feeds the
    /// submetrics that select by that tag, and is kept as a sample; the metric itself, and what else is selected of it, is of
    /// wholes alone. Record the whole without that tag.
    pub fn record_part(
        &mut self,
        metric: MetricId,
        whole: TagsId,
        part: (&str, &str),
        time: Duration,
    ) {
        let milliseconds = time.as_secs_f64() * 1000.0;
        self.put_part(metric, whole, part, milliseconds, &|sink| {
            sink.record_time(time);
        });
    }

    /// The same of what is no time: streams in one state.
    pub fn record_part_value(
        &mut self,
        metric: MetricId,
        whole: TagsId,
        part: (&str, &str),
        value: f64,
    ) {
        self.put_part(metric, whole, part, value, &|sink| sink.record(value));
    }

    fn put_part(
        &mut self,
        metric: MetricId,
        whole: TagsId,
        part: (&str, &str),
        sample: f64,
        add: &dyn Fn(&mut Sink),
    ) {
        let tags = self.derive(whole, &[part]);
        let submetrics = &mut self.delta.submetrics;
        let registry = &self.registry;
        self.tags
            .each_submetric_by(part.0, metric, tags, |position| {
                first(registry, submetrics, position, metric, add);
            });
        if self.keep_samples {
            self.keep(metric, tags, sample);
        }
    }

    /// Record the outcome of a check: feeds the metric `checks`, tagged with `check` and, inside a group, `group`, and
    /// the summary's list of checks.
    pub fn check(&mut self, name: &str, group: &str, tags: TagsId, ok: bool) {
        let slot = match (self.texts.get(name), self.texts.get(group)) {
            (Some(name_text), Some(group_text)) => self
                .check_slots
                .get(&(tags, *name_text, *group_text))
                .copied(),
            _ => None,
        };
        let slot = slot.unwrap_or_else(|| self.new_check(name, group, tags));
        match slot.line {
            Some(line) => {
                let checks = &mut self.delta.checks;
                while checks.len() <= line {
                    // Lines that became known since this delta was last in use.
                    let Some((group, name)) = self.checks.values.get(checks.len()).cloned() else {
                        break;
                    };
                    checks.push(CheckDelta {
                        group,
                        name,
                        passes: 0,
                        fails: 0,
                    });
                }
                if let Some(check) = checks.get_mut(line) {
                    check.passes += u64::from(ok);
                    check.fails += u64::from(!ok);
                }
            }
            None => self.delta.checks_unlisted += 1,
        }
        self.record(CHECKS, slot.tags, f64::from(u8::from(ok)));
    }

    /// Record that a group ended: feeds `group_duration`, tagged with `group`, and the summary's list of groups.
    pub fn group(&mut self, path: &str, tags: TagsId, time: Duration) {
        let line = match self.text(path) {
            Some(text) => self.groups.line(text, GROUPS_MAX, || Arc::from(path)),
            None => None,
        };
        if let Some(line) = line {
            let groups = &mut self.delta.groups;
            while groups.len() <= line {
                let Some(path) = self.groups.values.get(groups.len()).cloned() else {
                    break;
                };
                groups.push(GroupDelta::new(path));
            }
            if let Some(group) = groups.get_mut(line) {
                group.record(time);
            }
        }
        let tags = self.derive(tags, &[("group", path)]);
        self.record_time(GROUP_DURATION, tags, time);
    }

    /// Record that an iteration or a user failed: feeds `user_failures`, tagged with `class`, and keeps the first
    /// distinct messages of each class.
    pub fn failure(&mut self, class: FailureClass, tags: TagsId, message: &str) {
        if let Some(failure) = self.delta.failures.get_mut(class.index()) {
            failure.count += 1;
            failure.messages.add(message, 1);
        }
        let tags = self.derive(tags, &[("class", class.name())]);
        self.record(USER_FAILURES, tags, 1.0);
    }

    /// Say of what kind samples of a metric were that are recorded beside: `reset 1006`, `timeout 1050`. Of a counter `count` is
    /// what was added to it, else the number of samples. The summary lists kinds, so that whoever reads of a failure need not
    /// guess the tags to look for. For what is rare: a kind is looked up by its text.
    pub fn kind(&mut self, metric: MetricId, kind: impl fmt::Display, count: f64) {
        if !(count.is_finite() && count > 0.0) {
            return;
        }
        self.kind.clear();
        // Into a text nothing but the kind's own Display can fail; what it wrote is its name then.
        let _written = write!(self.kind, "{kind}");
        let kinds = self.delta.kinds.entry(metric).or_default();
        kinds.add(&self.kind, count);
    }

    /// Everything recorded since the last call.
    #[must_use]
    pub fn take(&mut self) -> Delta {
        let next = self.spare.take().unwrap_or_default();
        std::mem::replace(&mut self.delta, next)
    }

    /// Give a merged delta back, so that its memory is used again. Clear it before, on the collector's thread.
    pub fn recycle(&mut self, mut delta: Delta) {
        delta.clear(); // free if it is clear already
        self.spare = Some(delta);
    }

    #[inline]
    fn put(&mut self, metric: MetricId, tags: TagsId, add: impl Fn(&mut Sink)) {
        match self.delta.metrics.get_mut(metric.index()) {
            Some(Some(sink)) => add(sink),
            _ => self.put_first(metric, &add),
        }
        let Delta { submetrics, .. } = &mut self.delta;
        let registry = &self.registry;
        self.tags.each_submetric(metric, tags, |position| {
            match submetrics.get_mut(position) {
                Some(Some(sink)) => add(sink),
                _ => first(registry, submetrics, position, metric, &add),
            }
        });
    }

    #[cold]
    fn put_first(&mut self, metric: MetricId, add: &dyn Fn(&mut Sink)) {
        first(
            &self.registry,
            &mut self.delta.metrics,
            metric.index(),
            metric,
            add,
        );
    }

    #[cold]
    fn keep(&mut self, metric: MetricId, tags: TagsId, value: f64) {
        if self.delta.samples.len() >= SAMPLES_PENDING_MAX {
            self.put(SAMPLES_DROPPED, TagsId::EMPTY, |sink| sink.record(1.0));
            return;
        }
        let tags = Arc::clone(self.tags.tags(tags));
        self.delta.samples.push(Sample {
            metric,
            tags,
            value,
            time_unix_ns: (self.wall_clock)(),
        });
    }

    #[cold]
    fn new_check(&mut self, name: &str, group: &str, base: TagsId) -> CheckSlot {
        let (Some(name_text), Some(group_text)) = (self.text(name), self.text(group)) else {
            return CheckSlot {
                line: None,
                tags: base,
            };
        };
        let line = self.checks.line((group_text, name_text), CHECKS_MAX, || {
            (Arc::from(group), Arc::from(name))
        });
        if line.is_none() {
            return CheckSlot { line, tags: base };
        }
        let extra = [("check", name), ("group", group)];
        let tags = self.derive(
            base,
            if group.is_empty() {
                &extra[..1]
            } else {
                &extra
            },
        );
        let slot = CheckSlot { line, tags };
        if self.check_slots.len() < CHECK_SLOTS_MAX {
            self.check_slots.insert((base, name_text, group_text), slot);
        }
        slot
    }

    /// A number for a name or path; `None` if there are too many.
    fn text(&mut self, text: &str) -> Option<u32> {
        if let Some(known) = self.texts.get(text) {
            return Some(*known);
        }
        if self.texts.len() >= CHECKS_MAX + GROUPS_MAX {
            return None;
        }
        let number = u32::try_from(self.texts.len()).ok()?;
        self.texts.insert(text.into(), number);
        Some(number)
    }
}

impl<K: std::hash::Hash + Eq, V> Listed<K, V> {
    fn new() -> Self {
        Self {
            positions: FxHashMap::default(),
            values: Vec::new(),
        }
    }

    /// The line of a key, made if there is room.
    fn line(&mut self, key: K, lines_max: usize, value: impl FnOnce() -> V) -> Option<usize> {
        if let Some(line) = self.positions.get(&key) {
            return Some(*line);
        }
        let line = self.values.len();
        if line >= lines_max {
            return None;
        }
        self.values.push(value());
        self.positions.insert(key, line);
        Some(line)
    }
}

/// Make the sink at a position and feed it. Ids of another registry are ignored.
fn first(
    registry: &Registry,
    sinks: &mut Vec<Option<Sink>>,
    position: usize,
    metric: MetricId,
    add: &dyn Fn(&mut Sink),
) {
    let Some(known) = registry.get(metric) else {
        return;
    };
    if sinks.len() <= position {
        sinks.resize_with(position + 1, || None);
    }
    if let Some(slot) = sinks.get_mut(position) {
        add(slot.get_or_insert_with(|| Sink::new(known.kind, known.unit)));
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "samples are stamped with the wall clock; nothing is measured by it"
)]
pub(crate) fn unix_nanos() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
