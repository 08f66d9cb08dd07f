use super::*;

#[test]
fn a_percentage_of_nothing_is_none() {
    assert_eq!(
        (percent(0, 0), percent(1, 4), percent(3, 3)),
        (0.0, 25.0, 100.0)
    );
}

#[test]
fn a_share_below_all_is_a_trial() {
    assert_eq!(stage_of(0.999), SwapStage::Canary);
    assert_eq!(stage_of(1.0), SwapStage::RollingOut);
}
