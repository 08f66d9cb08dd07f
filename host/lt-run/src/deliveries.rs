//! What became of deliveries, recorded with the tags of each scenario, so that its thresholds see it.

use lt_coordination::DeliveryOutcomes;
use lt_metrics::{Tags, builtin};
use lt_runtime::Common;
use lt_spec::spec::ScenarioSpec;

use crate::office::Office;

/// Record what was found out of them since the last time.
pub(crate) fn record(office: &Office, common: &Common, outcomes: Vec<(u16, DeliveryOutcomes)>) {
    for (scenario, outcomes) in outcomes {
        let scenario = common.spec.scenarios.get(usize::from(scenario));
        let tags = scenario.map(|scenario| tags_of(common, scenario));
        let tags = tags.unwrap_or_default();
        for (metric, count) in [
            (builtin::DELIVERY_LOST, outcomes.lost),
            (builtin::DELIVERY_EXCUSED, outcomes.excused),
            (builtin::DELIVERY_UNMATCHED, outcomes.unmatched),
            (builtin::DELIVERY_DUPLICATES, outcomes.duplicates),
        ] {
            if count > 0 {
                office.record_tagged(metric, &tags, crate::desk::float(count));
            }
        }
    }
}

/// Where something was sent, that nothing was lost and nothing came twice is to be read as well, and not to be guessed from what
/// is absent.
pub(crate) fn record_none(office: &Office, common: &Common) {
    for scenario in &common.spec.scenarios {
        let tags = tags_of(common, scenario);
        for metric in [builtin::DELIVERY_LOST, builtin::DELIVERY_DUPLICATES] {
            office.record_tagged(metric, &tags, 0.0);
        }
    }
}

/// Tags of what the run itself measures of a scenario.
fn tags_of(common: &Common, scenario: &ScenarioSpec) -> Tags {
    let all = common.tags_of(scenario);
    let all = all.iter();
    Tags::new(all.map(|(name, value)| (name.as_str(), value.as_str())))
        .with(&[("scenario", &scenario.name)])
}
