//! How the media streams of all cores stand, and what a follower of single users is told of the machine.

use std::time::Duration;

use lt_metrics::{MachineUse, StreamCounts, StreamTable, Totals, builtin};

use crate::office::Office;
use crate::writers::WriterThread;

/// How often the machine's use is written: as viewers of such files have known it.
const MACHINE_INTERVAL: Duration = Duration::from_secs(2);

/// See the module. A core's rows are those it told last.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    tables: Vec<StreamTable>,
    /// Whether there ever was one: a run without streams has no metric of them.
    were_seen: bool,
    machine_due: Duration,
}

impl Streams {
    /// A core told how its streams stand.
    pub(crate) fn take_in(&mut self, core: usize, table: StreamTable) {
        if self.tables.len() <= core {
            self.tables.resize_with(core + 1, StreamTable::default);
        }
        self.were_seen |= !table.rows.is_empty();
        if let Some(known) = self.tables.get_mut(core) {
            *known = table;
        }
    }

    /// A table a core.
    pub(crate) fn tables(&self) -> &[StreamTable] {
        &self.tables
    }

    /// Record how many stand where. Not while the run comes to its end: users who leave are not what it is judged by.
    pub(crate) fn record(&self, office: &Office) {
        if !self.were_seen {
            return;
        }
        let mut counts = StreamCounts::default();
        for row in self.tables.iter().flat_map(|table| &table.rows) {
            counts.count(row);
        }
        office.record_streams(&counts);
    }

    /// Write what the machine uses, if it is time to. Returns how many lines were lost.
    pub(crate) fn tell_machine(
        &mut self,
        writer: &WriterThread,
        totals: &Totals,
        (elapsed, cpu): (Duration, f64),
    ) -> usize {
        if elapsed < self.machine_due {
            return 0;
        }
        self.machine_due = elapsed + MACHINE_INTERVAL;
        writer.machine(MachineUse::now(
            totals.count(builtin::DATA_SENT),
            totals.count(builtin::DATA_RECEIVED),
            cpu,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lt_metrics::{Direction, Registry, StreamRow, StreamState, SubmetricPlan, Threshold};

    use super::*;

    fn row(user: u64, state: StreamState) -> StreamRow {
        StreamRow {
            user,
            number: 0,
            name: "live".into(),
            direction: Direction::Play,
            state,
            lagged: false,
            bytes: 0,
            media: Duration::ZERO,
            elapsed: Duration::ZERO,
            lag: Duration::ZERO,
            kbps: 0.0,
        }
    }

    #[test]
    fn streams_of_all_cores_are_counted_as_they_stood_last() {
        let registry = Arc::new(Registry::new());
        let threshold: Threshold = "rtmp_streams{state:stalled}:value<1".parse().unwrap();
        let plan = Arc::new(SubmetricPlan::new(&registry, &[threshold]).unwrap());
        let office = Office::new(&registry, &plan, false).unwrap();
        let mut streams = Streams::default();
        let mut totals = Totals::new(registry, plan);
        streams.take_in(1, StreamTable::default());
        streams.record(&office);
        totals.merge(&office.take());
        assert_eq!(totals.value(builtin::RTMP_STREAMS), None);
        for (core, states) in [
            (1, vec![StreamState::Flowing; 2]),
            (0, vec![StreamState::Flowing, StreamState::Stalled]),
            (1, vec![StreamState::Failed]),
        ] {
            let rows = (0..).zip(states).map(|(user, state)| row(user, state));
            let rows = rows.collect();
            streams.take_in(core, StreamTable { rows });
        }
        streams.record(&office);
        totals.merge(&office.take());
        assert_eq!(totals.value(builtin::RTMP_STREAMS), Some(3.0));
        assert!(matches!(
            totals.submetric(1),
            Some(lt_metrics::Sink::Gauge { value: 1.0, .. })
        ));
        streams.take_in(0, StreamTable::default());
        streams.take_in(1, StreamTable::default());
        streams.record(&office);
        totals.merge(&office.take());
        assert_eq!(totals.value(builtin::RTMP_STREAMS), Some(0.0), "all left");
    }
}
