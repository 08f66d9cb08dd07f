//! One thread's world: what all users of one core share. Lives and dies on its thread, behind an `Rc`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use http::Method;
use lt_coordination::{Coordination, UserRef};
use lt_data::{DataSet, Shared, Shares};
use lt_metrics::{
    FailureClass, JournalLine, Recorder, Registry, StreamTable, Tags, TagsId, Threshold, builtin,
};
use lt_net::http::config::ClientConfig;
use lt_net::rtmp::Stamps;
use lt_net::{Network, TlsProfiles};
use lt_spec::description::SteadyCondition;
use lt_spec::spec::{RunSpec, ScenarioSpec};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::component::Scenario;
use crate::conclusions::Conclusions;
use crate::ctx::Identity;
use crate::enrolment::Enrolment;
use crate::grants::Grants;
use crate::journal::Journal;
use crate::network;
use crate::rtmp::StreamsOfCore;
use crate::rtmp::assets::Assets;
use crate::run_tags::RunTags;
use crate::setting_values::Settings;
use crate::sockets::OpenSockets;
use crate::sockets::patterns::Patterns;
use crate::trace::Tracer;
use crate::{version, xmpp};

/// Different groups one core tells apart; further ones are counted under their parent. Journeys have tens.
const GROUPS_MAX: usize = 10_000;
/// Throttles and meetings whose waits one core tells apart: a scenario may well name a meeting for each pair of users, and
/// tag sets live as long as the run.
const WAITED_FOR_MAX: usize = 100;

/// What all cores share of one scenario of a run.
#[derive(Clone)]
pub struct RunShared {
    /// What all scenarios of the run share.
    pub common: Arc<Common>,
    /// Which of the run's scenarios this is.
    pub index: u16,
    /// This scenario's part of the run.
    pub spec: Arc<ScenarioSpec>,
    /// What the users run.
    pub scenario: Scenario,
    /// What this version of it is called: the tag `version` of its users' samples.
    pub label: Arc<str>,
    /// What `init` returned; empty before.
    pub state: Arc<[u8]>,
    /// The present values of its settings.
    pub settings: Arc<Settings>,
    /// What part of each feeder falls to its users.
    pub shares: Shares,
    /// How many users the scenario's steady condition holds for.
    pub steady_users: Arc<AtomicU64>,
    /// When its users count among the others.
    pub(crate) enrolment: Arc<Enrolment>,
}

/// What all scenarios of a run share.
pub struct Common {
    /// The run.
    pub spec: Arc<RunSpec>,
    /// Its metrics.
    pub registry: Arc<Registry>,
    /// What users do together.
    pub coordination: Arc<dyn Coordination>,
    /// Files that users read.
    pub data: DataSet,
    /// Cursors and store.
    pub shared: Arc<dyn Shared>,
    /// Told of every call, if anybody wants to see them.
    pub tracer: Option<Tracer>,
    /// What its scenarios conclude.
    pub conclusions: Conclusions,
    /// Whether it is kept what single users do: see [`Core::journal`].
    pub keep_journal: bool,
    /// What its scenarios may reach.
    pub grants: Grants,
    /// Its tags, as they are now.
    pub(crate) tags: RunTags,
    /// FLV files that users publish.
    pub(crate) assets: Assets,
    /// TLS settings, one for all users that want the same.
    tls: Arc<TlsProfiles>,
    /// What its users publish, for its players to know again.
    stamps: Arc<Stamps>,
}

impl Common {
    /// Before the run starts.
    #[must_use]
    pub fn new(
        spec: Arc<RunSpec>,
        registry: Arc<Registry>,
        coordination: Arc<dyn Coordination>,
        (data, shared): (DataSet, Arc<dyn Shared>),
        (tracer, keep_journal): (Option<Tracer>, bool),
        grants: Grants,
    ) -> Arc<Self> {
        Arc::new(Self {
            spec,
            registry,
            coordination,
            data,
            shared,
            tracer,
            conclusions: Conclusions::default(),
            keep_journal,
            grants,
            tags: RunTags::default(),
            assets: Assets::default(),
            tls: Arc::default(),
            stamps: Arc::default(),
        })
    }

    /// Have samples carry these tags of the run from now on, in place of those it had. A scenario's own tags stay.
    pub fn set_tags(&self, tags: BTreeMap<String, String>) {
        self.tags.set(tags);
    }

    /// All tags of a scenario, the run's as they are now included.
    #[must_use]
    pub fn tags_of(&self, scenario: &ScenarioSpec) -> BTreeMap<String, String> {
        self.tags.of(&self.spec, scenario)
    }
}

impl RunShared {
    /// A scenario before its `init`.
    #[must_use]
    pub fn new(
        common: Arc<Common>,
        (index, spec): (u16, Arc<ScenarioSpec>),
        scenario: Scenario,
        shares: Shares,
    ) -> Self {
        Self {
            index,
            shares,
            enrolment: Arc::new(Enrolment::new(spec.start)),
            settings: Arc::new(Settings::new(spec.settings.clone())),
            label: version::label(&scenario).into(),
            common,
            spec,
            scenario,
            state: Arc::default(),
            steady_users: Arc::default(),
        }
    }

    /// Another version of the same scenario, with these values of all settings that it declares. Its `init` is not run: its users
    /// join with what the first one's returned.
    #[must_use]
    pub fn next(&self, scenario: Scenario, settings: BTreeMap<String, String>) -> Self {
        Self {
            settings: Arc::new(Settings::new(settings)),
            label: version::label(&scenario).into(),
            scenario,
            ..self.clone()
        }
    }

    /// The same with what `init` returned.
    #[must_use]
    pub fn with_state(&self, state: Vec<u8>) -> Self {
        Self {
            state: state.into(),
            ..self.clone()
        }
    }
}

/// A group path, as an index into its core's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupId(u32);

impl GroupId {
    /// No group.
    pub(crate) const ROOT: Self = Self(0);
}

/// What makes two HTTP samples have the same tags.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HttpKey {
    pub(crate) role: u16,
    pub(crate) group: GroupId,
    pub(crate) method: Method,
    /// The request's name, else its URL.
    pub(crate) name: Rc<str>,
    pub(crate) status: u16,
    pub(crate) error_code: u16,
    pub(crate) proto: &'static str,
    pub(crate) tls_version: &'static str,
    pub(crate) expected: bool,
    pub(crate) extra: Option<Rc<Tags>>,
}

/// One thread's world, for one version of one scenario.
pub struct Core {
    /// What all cores share.
    pub(crate) run: Arc<RunShared>,
    /// This core's samples.
    pub(crate) recorder: Rc<RefCell<Recorder>>,
    /// Roles by number, as users see each other.
    pub(crate) roles: Vec<Arc<str>>,
    /// Resolver, TLS settings and source addresses of this core.
    pub(crate) network: Rc<Network>,
    /// How its clients behave, one for each local address in turn.
    pub(crate) clients: Rc<[Rc<ClientConfig>]>,
    /// WebSockets, XMPP sessions and RTMP connections that have not ended.
    pub(crate) sockets: Rc<OpenSockets>,
    /// What its users look for in messages.
    pub(crate) patterns: RefCell<Patterns>,
    /// What its users look for in stanzas, and what of their sessions was logged.
    pub(crate) xmpp: xmpp::OfCore,
    /// What its users publish and play.
    pub(crate) streams: Rc<StreamsOfCore>,
    /// What its users did, if that is kept.
    pub(crate) journal: Rc<Journal>,
    /// Throttles and meetings whose waits carry their name.
    waited_for: Rc<RefCell<FxHashSet<Box<str>>>>,
    groups: RefCell<Groups>,
    group_tags: RefCell<FxHashMap<(u16, GroupId), TagsId>>,
    http_tags: RefCell<FxHashMap<HttpKey, TagsId>>,
    /// Of which change of the run's tags these two are.
    tags_seen: Cell<u64>,
}

/// Group paths, in k6's form: `::outer::inner`.
struct Groups {
    paths: Vec<Rc<str>>,
    children: FxHashMap<(GroupId, Rc<str>), GroupId>,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            paths: vec!["".into()],
            children: FxHashMap::default(),
        }
    }
}

impl Core {
    /// A core for this thread.
    ///
    /// # Errors
    /// If a setting of the run's HTTP clients does not work: a certificate that cannot be read, a proxy that is no URL.
    pub fn new(run: Arc<RunShared>, recorder: Rc<RefCell<Recorder>>) -> Result<Rc<Self>, String> {
        // Before users are there whose first handshake would wait for it.
        lt_net::seed_random();
        let common = &run.common;
        let (network, clients) = network::open(
            &common.spec.http,
            &common.grants,
            (&common.tls, &common.stamps),
        )
        .map_err(|error| error.to_string())?;
        let roles = run.spec.roles.names().iter();
        let waited_for = RefCell::new(asked_for(&common.spec.thresholds));
        Ok(Rc::new(Self {
            roles: roles.map(|name| Arc::from(name.as_str())).collect(),
            journal: Rc::new(Journal::new(common.keep_journal)),
            run,
            recorder,
            network,
            clients: clients.into(),
            sockets: Rc::default(),
            patterns: RefCell::default(),
            xmpp: xmpp::OfCore::default(),
            streams: Rc::default(),
            waited_for: Rc::new(waited_for),
            groups: RefCell::default(),
            group_tags: RefCell::default(),
            http_tags: RefCell::default(),
            tags_seen: Cell::new(0),
        }))
    }

    /// The same for another version: its users share the network, and are reported together with those of this one. What is kept
    /// for a version's users alone begins anew, and goes with them.
    #[must_use]
    pub(crate) fn next(core: &Self, run: Arc<RunShared>) -> Rc<Self> {
        Rc::new(Self {
            run,
            roles: core.roles.clone(),
            recorder: core.recorder.clone(),
            network: core.network.clone(),
            clients: core.clients.clone(),
            sockets: core.sockets.clone(),
            patterns: RefCell::default(),
            xmpp: xmpp::OfCore::default(),
            streams: core.streams.clone(),
            journal: core.journal.clone(),
            waited_for: core.waited_for.clone(),
            groups: RefCell::default(),
            group_tags: RefCell::default(),
            http_tags: RefCell::default(),
            tags_seen: Cell::new(0),
        })
    }

    /// Add a row for each media stream that a user asked for and has not ended. One that failed stays until its user asks for
    /// another, or leaves.
    pub fn streams(&self, into: &mut StreamTable) {
        self.streams.look(into);
    }

    /// Move what users did since the last call, if that is kept, to the end of a list. What there was no room for is recorded as
    /// dropped: take what was recorded after this.
    pub fn journal(&self, into: &mut Vec<JournalLine>) {
        let lost = self.journal.take(into);
        if lost > 0 {
            #[expect(clippy::cast_precision_loss, reason = "lines stay far below 2^53")]
            let lost = lost as f64;
            let mut recorder = self.recorder.borrow_mut();
            recorder.record(builtin::SAMPLES_DROPPED, TagsId::EMPTY, lost);
        }
    }

    /// All users have ended: wait, a second at most, until the WebSockets, XMPP sessions and RTMP connections that they left
    /// behind have ended and were recorded.
    pub async fn settle(&self) {
        self.sockets.settle().await;
    }

    /// The group of this name inside another.
    pub(crate) fn enter_group(&self, parent: GroupId, name: &str) -> GroupId {
        let mut groups = self.groups.borrow_mut();
        let name: Rc<str> = name.into();
        if let Some(known) = groups.children.get(&(parent, name.clone())) {
            return *known;
        }
        let Ok(index) = u32::try_from(groups.paths.len()) else {
            return parent;
        };
        if groups.paths.len() >= GROUPS_MAX {
            return parent;
        }
        let outer = groups
            .paths
            .get(parent.0 as usize)
            .cloned()
            .unwrap_or_else(|| "".into());
        groups.paths.push(format!("{outer}::{name}").into());
        groups.children.insert((parent, name), GroupId(index));
        GroupId(index)
    }

    /// A group's path.
    pub(crate) fn group_path(&self, group: GroupId) -> Rc<str> {
        let groups = self.groups.borrow();
        groups
            .paths
            .get(group.0 as usize)
            .cloned()
            .unwrap_or_else(|| "".into())
    }

    /// Name of a role.
    pub(crate) fn role_name(&self, role: u16) -> &str {
        self.run.spec.roles.name(role)
    }

    /// Whether waits for a throttle or meeting of this name carry it as a tag: only those that a threshold asks for and the first
    /// so many do.
    pub(crate) fn tells_apart(&self, name: &str) -> bool {
        let mut known = self.waited_for.borrow_mut();
        if known.contains(name) {
            return true;
        }
        known.len() < WAITED_FOR_MAX && known.insert(name.into())
    }

    /// A user, as others see it.
    pub(crate) fn user_ref(&self, who: Identity) -> UserRef {
        UserRef {
            id: who.id.0,
            role: self
                .roles
                .get(usize::from(who.role))
                .cloned()
                .unwrap_or_else(|| "".into()),
        }
    }

    /// The name of the check by which users say that they are steady.
    pub(crate) fn steady_check(&self) -> Option<&str> {
        match &self.run.scenario.description().steady {
            Some(SteadyCondition::Check(name)) => Some(name),
            _ => None,
        }
    }

    /// The name of the gauge by which users say that they are steady.
    pub(crate) fn steady_gauge(&self) -> Option<&str> {
        match &self.run.scenario.description().steady {
            Some(SteadyCondition::Gauge(name)) => Some(name),
            _ => None,
        }
    }

    fn base_tags(&self, role: u16, group: GroupId) -> Vec<(Arc<str>, Arc<str>)> {
        let spec = &self.run.spec;
        let mut tags: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(12);
        for (name, value) in &self.run.common.tags_of(spec) {
            tags.push((name.as_str().into(), value.as_str().into()));
        }
        tags.push(("scenario".into(), spec.name.as_str().into()));
        tags.push(("version".into(), self.run.label.clone()));
        tags.push(("group".into(), Arc::from(&*self.group_path(group))));
        if !spec.roles.is_empty() {
            tags.push(("role".into(), self.role_name(role).into()));
        }
        tags
    }

    /// Forget what was worked out of tags that the run has no more.
    #[inline]
    fn follow_tags(&self) {
        let present = self.run.common.tags.revision();
        if self.tags_seen.replace(present) != present {
            self.group_tags.borrow_mut().clear();
            self.http_tags.borrow_mut().clear();
        }
    }

    /// Whether the run has had other tags before.
    pub(crate) fn was_tagged_anew(&self) -> bool {
        self.run.common.tags.revision() > 0
    }

    /// Tags of samples that belong to no user.
    #[must_use]
    pub fn tags(&self) -> TagsId {
        let mut tags = self.base_tags(0, GroupId::ROOT);
        // What no user measured belongs to no version.
        tags.retain(|(name, _)| **name != *"version");
        self.recorder.borrow_mut().intern(Tags::from_iter(tags))
    }

    /// Tags of samples of users of this role in this group.
    pub(crate) fn tags_of_group(&self, role: u16, group: GroupId) -> TagsId {
        self.follow_tags();
        if let Some(known) = self.group_tags.borrow().get(&(role, group)) {
            return *known;
        }
        let tags = Tags::from_iter(self.base_tags(role, group));
        let id = self.recorder.borrow_mut().intern(tags);
        self.group_tags.borrow_mut().insert((role, group), id);
        id
    }

    /// The same, with tags of a sample's own.
    pub(crate) fn tags_with(&self, role: u16, group: GroupId, extra: &[(&str, &str)]) -> TagsId {
        let base = self.tags_of_group(role, group);
        if extra.is_empty() {
            base
        } else {
            self.recorder.borrow_mut().derive(base, extra)
        }
    }

    /// Tags of an HTTP sample: k6's system tags.
    pub(crate) fn tags_of_http(&self, key: &HttpKey) -> TagsId {
        self.follow_tags();
        if let Some(known) = self.http_tags.borrow().get(key) {
            return *known;
        }
        let mut tags = self.base_tags(key.role, key.group);
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                tags.push((name.into(), value.into()));
            }
        };
        add("method", key.method.as_str());
        add("name", &key.name);
        // A name stands in both tags, as in k6: else URLs that differ would still be tag sets of their own.
        add("url", &key.name);
        add("status", &key.status.to_string());
        add("proto", key.proto);
        add("tls_version", key.tls_version);
        add(
            "expected_response",
            if key.expected { "true" } else { "false" },
        );
        if key.error_code != 0 {
            add("error_code", &key.error_code.to_string());
        }
        if let Some(extra) = &key.extra {
            extra.iter().for_each(|(name, value)| add(name, value));
        }
        let id = self.recorder.borrow_mut().intern(Tags::from_iter(tags));
        let mut known = self.http_tags.borrow_mut();
        // The recorder's own cap on tag sets bounds what is worth remembering here.
        if known.len() < lt_metrics::TAG_SETS_MAX {
            known.insert(key.clone(), id);
        }
        id
    }

    /// Count a failure of a user and sample its text.
    pub(crate) fn record_failure(&self, tags: TagsId, class: FailureClass, message: &str) {
        self.recorder.borrow_mut().failure(class, tags, message);
    }

    /// Count log lines that were dropped.
    pub(crate) fn drop_log_line(&self, tags: TagsId) {
        self.recorder
            .borrow_mut()
            .record(builtin::LOG_LINES_DROPPED, tags, 1.0);
    }

    /// The HTTP behaviour of a user: local addresses are taken in turn by id.
    pub(crate) fn client_config(&self, user: u64) -> Option<Rc<ClientConfig>> {
        let turn = usize::try_from(user).unwrap_or(0) % self.clients.len().max(1);
        self.clients.get(turn).cloned()
    }
}

/// Count what went over a connection for one exchange, and what came.
pub(crate) fn record_bytes(recorder: &mut Recorder, tags: TagsId, sent: u64, received: u64) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "bytes of one exchange stay far below 2^53"
    )]
    let (sent, received) = (sent as f64, received as f64);
    recorder.record(builtin::DATA_SENT, tags, sent);
    recorder.record(builtin::DATA_RECEIVED, tags, received);
}

/// Names of throttles and meetings that thresholds select: without them as tags they would judge nothing.
fn asked_for(thresholds: &[Threshold]) -> FxHashSet<Box<str>> {
    let named = thresholds
        .iter()
        .flat_map(|threshold| ["throttle", "meeting"].map(|tag| threshold.tags().get(tag)));
    named.flatten().map(Box::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_thresholds_select_are_told_apart_always() {
        let thresholds: Vec<Threshold> = [
            "meeting_wait{meeting:pairs}:max<1000",
            "throttle_wait{throttle:logins,scenario:shop}:avg<10",
            "http_req_duration{name:page}:max<1000",
            "throttle_wait:max<5000",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        let mut names: Vec<Box<str>> = asked_for(&thresholds).into_iter().collect();
        names.sort();
        assert_eq!(names, ["logins".into(), "pairs".into()]);
    }
}
