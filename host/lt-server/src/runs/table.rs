//! All runs of the host, and how much of it they take.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lt_spec::limits::{RUNS_KEPT_MAX, USER_FOOTPRINT_BYTES};
use tokio::sync::watch;

use super::entry::Entry;
use super::keeper::Keeper;
use super::recover;
use super::status::CpuWatch;
use crate::config::{Config, Limits};
use crate::data_dir::check_room;
use crate::error::{ApiError, ApiResult};

/// The runs of this host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    limits: Limits,
    now_unix_ns: fn() -> i64,
    memory_available_bytes: fn() -> Option<u64>,
    keeper: Keeper,
    cpu: CpuWatch,
    table: Mutex<Table>,
    /// Runs that are not over: claimed, or under way.
    busy: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Table {
    /// In the order they were accepted in.
    by_time: BTreeMap<(i64, String), Arc<Entry>>,
    by_id: HashMap<String, Arc<Entry>>,
    /// Users that each run under way may have, and runs that are being created.
    claims: BTreeMap<String, u64>,
    /// Ids of runs whose files are being deleted.
    leaving: BTreeSet<String>,
    /// Whether no further run is taken: the host ends.
    closed: bool,
}

/// A place among the runs of the host: given back unless it is taken.
#[derive(Debug)]
pub(crate) struct Place {
    runs: Runs,
    /// The run's id.
    pub(crate) id: String,
    taken: bool,
}

/// How much of the host runs take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Runs under way.
    pub(crate) runs: usize,
    /// Users between join and leave.
    pub(crate) users_active: u64,
    /// Users that there may be.
    pub(crate) users_planned: u64,
}

impl Runs {
    /// Read the history below `config.data_dir/runs` and mark what has no end as interrupted.
    ///
    /// # Errors
    /// If the directory cannot be read or written.
    pub fn open(config: &Config) -> io::Result<Self> {
        let dir = config.data_dir.join("runs");
        std::fs::create_dir_all(&dir)?;
        let mut table = Table::default();
        for entry in recover::history(&dir, (config.now_unix_ns)())? {
            table.insert(Arc::new(entry));
        }
        Ok(Self(Arc::new(Shared {
            dir,
            limits: config.limits,
            now_unix_ns: config.now_unix_ns,
            memory_available_bytes: lt_run::machine::memory_available_bytes,
            keeper: Keeper::start()?,
            cpu: CpuWatch::start(),
            table: Mutex::new(table),
            busy: watch::Sender::new(0),
        })))
    }

    /// Whether a run that has not ended uses this version of this stored scenario.
    #[must_use]
    pub fn uses(&self, scenario: &str, digest: &str) -> bool {
        let entries: Vec<Arc<Entry>> = self.table().by_id.values().cloned().collect();
        entries.iter().any(|entry| {
            let data = entry.data();
            let run = &data.kept.run;
            let uses = |part: &super::model::RunPart| {
                let mut versions = part.versions.iter();
                part.scenario == scenario && versions.any(|version| version.digest == digest)
            };
            !run.state.is_over() && run.parts.iter().any(uses)
        })
    }

    /// Ask all runs to end because the host does: gracefully, or at once. Their exit code is 105. No further run is taken.
    pub fn end_all(&self, at_once: bool) {
        self.table().closed = true;
        for entry in self.under_way() {
            if at_once {
                entry.control.stop_now();
            } else {
                entry.control.stop_gracefully();
            }
        }
    }

    /// Wait until no run is under way and all results are written.
    pub async fn ended(&self) {
        let mut busy = self.0.busy.subscribe();
        // The sender is ours: it cannot be gone.
        let _gone = busy.wait_for(|busy| *busy == 0).await;
    }

    /// The run of this id.
    pub(crate) fn find(&self, id: &str) -> ApiResult<Arc<Entry>> {
        let found = self.table().by_id.get(id).cloned();
        found.ok_or_else(|| {
            ApiError::not_found("run", id).remedy("GET /v1/runs lists those that there are")
        })
    }

    /// Up to `most` runs, newest first, that were accepted before this one and that `is_wanted`; and whether there are more.
    pub(crate) fn list(
        &self,
        before: Option<&str>,
        most: usize,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> ApiResult<(Vec<Arc<Entry>>, bool)> {
        let before = match before {
            Some(id) => Some((self.find(id)?.data().kept.created_unix_ns, id.to_owned())),
            None => None,
        };
        let table = self.table();
        let known = table.by_time.iter().rev();
        let known = known.filter(|(key, _)| before.as_ref().is_none_or(|before| *key < before));
        let entries: Vec<Arc<Entry>> = known.map(|(_, entry)| entry.clone()).collect();
        drop(table);
        let wanted = entries.into_iter().filter(|entry| is_wanted(entry));
        let mut runs: Vec<Arc<Entry>> = wanted.take(most.saturating_add(1)).collect();
        let has_more = runs.len() > most;
        runs.truncate(most);
        Ok((runs, has_more))
    }

    /// Runs that are not over.
    pub(crate) fn under_way(&self) -> Vec<Arc<Entry>> {
        let entries: Vec<Arc<Entry>> = self.table().by_id.values().cloned().collect();
        let live = entries.into_iter().filter(|entry| !*entry.over.borrow());
        live.collect()
    }

    /// How much of the host is taken.
    pub(crate) fn taken(&self) -> Taken {
        let (runs, users_planned) = {
            let table = self.table();
            (table.claims.len(), table.claims.values().sum())
        };
        let active = |entry: Arc<Entry>| {
            let data = entry.data();
            let parts = data.kept.run.parts.iter();
            parts.map(|part| part.users_active).sum::<u64>()
        };
        Taken {
            runs,
            users_active: self.under_way().into_iter().map(active).sum(),
            users_planned,
        }
    }

    /// Take a place for a run of so many users, under the id that its client chose or a new one.
    pub(crate) fn claim(&self, id: Option<&str>, users: u64) -> ApiResult<Place> {
        let now = self.now();
        check_room(&self.0.dir, 0)?;
        let mut table = self.table();
        if table.closed {
            return Err(ApiError::capacity(
                "the host is ending: it takes no further run",
            ));
        }
        let kept = table.by_id.len();
        if kept >= RUNS_KEPT_MAX {
            let message =
                format!("the history holds {kept} runs, and {RUNS_KEPT_MAX} is the limit");
            return Err(ApiError::capacity(message)
                .remedy("delete runs that nobody needs any more (DELETE /v1/runs/ID)"));
        }
        let id = match id {
            Some(id) if table.is_known(id) => {
                let message = format!("a run with the id {id:?} is being created or deleted");
                return Err(ApiError::conflict(message).remedy("try again in a moment"));
            }
            Some(id) if self.0.dir.join(id).exists() => {
                let message = format!(
                    "the host has a directory {id:?} among its runs that it could not read"
                );
                return Err(ApiError::conflict(message).remedy("choose another id"));
            }
            Some(id) => id.to_owned(),
            None => table.new_id(&self.0.dir, now),
        };
        let under_way = table.claims.len();
        let most = self.0.limits.runs_max;
        if under_way >= most {
            let message =
                format!("{under_way} runs are under way, and {most} is the limit of this host");
            return Err(ApiError::capacity(message)
                .remedy("wait for one to end, stop one, or start the host with --max-runs"));
        }
        self.check_users(&table, &id, users)?;
        table.claims.insert(id.clone(), users);
        self.0.busy.send_modify(|busy| *busy += 1);
        Ok(Place {
            runs: self.clone(),
            id,
            taken: false,
        })
    }

    /// Let a run have so many users from now on.
    pub(crate) fn claim_users(&self, id: &str, users: u64) -> ApiResult<()> {
        let mut table = self.table();
        let known = table.claims.get(id).copied();
        if known.is_some_and(|known| users > known) {
            self.check_users(&table, id, users)?;
        }
        if let Some(claim) = table.claims.get_mut(id) {
            *claim = users;
        }
        Ok(())
    }

    /// Whether the host holds so many users of this run beside those of the others.
    fn check_users(&self, table: &Table, id: &str, users: u64) -> ApiResult<()> {
        let others = table.claims.iter().filter(|(known, _)| *known != id);
        let taken: u64 = others.map(|(_, users)| *users).sum();
        let most = self.0.limits.users_max;
        if taken.saturating_add(users) > most {
            let message = format!(
                "{users} users are too many: this host takes {most} over all runs, of which {taken} are taken"
            );
            let remedy = format!(
                "use {} users or fewer, or another host",
                most.saturating_sub(taken)
            );
            return Err(ApiError::capacity(message).remedy(remedy));
        }
        let more = users.saturating_sub(table.claims.get(id).copied().unwrap_or(0));
        let needed = more.saturating_mul(USER_FOOTPRINT_BYTES);
        let Some(available) = (self.0.memory_available_bytes)() else {
            return Ok(());
        };
        if needed > available {
            let message = format!(
                "{users} users need {} MB of memory at {} KB each at least, and {} MB are available on this host",
                needed / 1_000_000,
                USER_FOOTPRINT_BYTES / 1000,
                available / 1_000_000
            );
            let fit = available / USER_FOOTPRINT_BYTES;
            let remedy = format!("use {fit} users or fewer, or another host");
            return Err(ApiError::capacity(message).remedy(remedy));
        }
        Ok(())
    }

    /// A run is over and all of it is written: others may have its place, and then that is told.
    pub(crate) fn close(&self, entry: &Arc<Entry>) {
        self.table().claims.remove(&entry.id);
        entry.close();
        self.one_less();
    }

    fn release(&self, id: &str) {
        self.table().claims.remove(id);
        self.one_less();
    }

    fn one_less(&self) {
        self.0
            .busy
            .send_modify(|busy| *busy = busy.saturating_sub(1));
    }

    /// Let a run have so many users from now on, if they are fewer than before.
    pub(crate) fn lower_claim(&self, id: &str, users: u64) {
        if let Some(claim) = self.table().claims.get_mut(id) {
            *claim = users.min(*claim);
        }
    }

    /// Take a run that is over out of the list, before its files are deleted.
    ///
    /// # Errors
    /// `conflict` if it is not over, or if somebody else deletes it.
    pub(crate) fn take_out(&self, entry: &Arc<Entry>) -> ApiResult<()> {
        if !*entry.over.borrow() {
            let state = entry.data().kept.run.state.name();
            let message = format!(
                "the run {:?} is {state}: only a run that is over can be deleted",
                entry.id
            );
            return Err(ApiError::conflict(message).remedy("stop it first"));
        }
        let mut table = self.table();
        if table.by_id.remove(&entry.id).is_none() {
            return Err(ApiError::not_found("run", &entry.id));
        }
        let created = entry.data().kept.created_unix_ns;
        table.by_time.remove(&(created, entry.id.clone()));
        table.leaving.insert(entry.id.clone());
        Ok(())
    }

    /// Its files are gone: its id may be used again.
    pub(crate) fn gone(&self, id: &str) {
        self.table().leaving.remove(id);
    }

    /// Where a run of this id keeps its results.
    pub(crate) fn dir_of(&self, id: &str) -> PathBuf {
        self.0.dir.join(id)
    }

    /// Nanoseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.0.now_unix_ns)()
    }

    /// Who writes `run.json`.
    pub(crate) fn keeper(&self) -> &Keeper {
        &self.0.keeper
    }

    /// How much of the processors is used.
    pub(crate) fn cpu(&self) -> &CpuWatch {
        &self.0.cpu
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change of it is one step.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, entry: Arc<Entry>) {
        let created = entry.data().kept.created_unix_ns;
        self.by_time
            .insert((created, entry.id.clone()), entry.clone());
        self.by_id.insert(entry.id.clone(), entry);
    }

    fn is_known(&self, id: &str) -> bool {
        self.by_id.contains_key(id) || self.claims.contains_key(id) || self.leaving.contains(id)
    }

    /// `r-20261121-0007`: sorted by name they are sorted by day. A directory without a run in it has its number too.
    fn new_id(&self, dir: &std::path::Path, now_unix_ns: i64) -> String {
        let day: String = super::time::rfc3339(now_unix_ns)
            .chars()
            .take_while(|char| *char != 'T')
            .filter(|char| *char != '-')
            .collect();
        let prefix = format!("r-{day}-");
        let ids = self.by_id.keys().chain(self.claims.keys());
        let numbers = ids.chain(&self.leaving).filter_map(|id| {
            let number = id.strip_prefix(&prefix)?;
            number.parse::<u64>().ok()
        });
        let mut number = numbers.max().unwrap_or(0);
        loop {
            number = number.saturating_add(1);
            let id = format!("{prefix}{number:04}");
            if !dir.join(&id).exists() && !self.is_known(&id) {
                return id;
            }
        }
    }
}

impl Place {
    /// The run is there: it has the place until it is over.
    pub(crate) fn take(mut self, entry: Arc<Entry>) {
        self.taken = true;
        self.runs.table().insert(entry);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            self.runs.release(&self.id);
        }
    }
}
