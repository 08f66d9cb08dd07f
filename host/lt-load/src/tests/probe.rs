//! How late a core is, asked once for all its scenarios.

use super::open::constant as rate;
use super::*;
use crate::LagProbe;

#[test]
fn the_scenarios_of_a_core_probe_it_one_after_another() {
    // From 0 to 1 s, from 0 to 2 s, and from 4 s to 5 s.
    for (shared, expected) in [(true, 11 + 11 + 11), (false, 11 + 21 + 11)] {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let probes = tokio::task::LocalSet::new().block_on(&runtime, async {
            let (recorder, mut totals) = recorder();
            let recorder = Rc::new(RefCell::new(recorder));
            let tags = recorder.borrow_mut().intern(Tags::default());
            let probe = LagProbe::default();
            let mut shifts = Vec::new();
            for (start, length) in [(0, 1000), (0, 2000), (4000, 1000)] {
                // No user starts in it, so that all lags are the probe's.
                let mut spec = scenario(rate(0.0, length, 0, 0));
                spec.start = MS(start);
                let team = Team::new(Arc::new(spec), 1, 7);
                let recorder = recorder.clone();
                let shift = if shared {
                    Shift::with_probe(team.clone(), 0, recorder, probe.clone())
                } else {
                    Shift::new(team.clone(), 0, recorder)
                };
                let factory = Rc::new(TestFactory {
                    script: Rc::new(Script::hangs()),
                    diary: Rc::default(),
                    tags,
                });
                team.signal(Signal::Start(Instant::now()));
                shifts.push(spawn_local(async move { shift.run(factory, tags).await }));
            }
            for shift in shifts {
                assert_eq!(shift.await.unwrap(), Ending::Finished);
            }
            totals.merge(&recorder.borrow_mut().take());
            totals.count(lt_metrics::builtin::START_LAG)
        });
        assert_eq!(probes, f64::from(expected), "{shared}");
    }
}
