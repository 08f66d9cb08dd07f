use super::*;

/// Values of many magnitudes, always the same ones.
fn values(count: u64, lowest: f64, decades: f64) -> Vec<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            lowest * 10_f64.powf(decades * (state >> 11) as f64 / (1_u64 << 53) as f64)
        })
        .collect()
}

fn exact(sorted: &[f64], percent: f64) -> f64 {
    let rank = percent / 100.0 * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    (high - low).mul_add(rank.fract(), low)
}

fn record<const N: usize>(histogram: &mut Histogram, values: [f64; N]) {
    for value in values {
        histogram.record(value);
    }
}

fn assert_close(got: f64, want: f64) {
    assert!(
        (got - want).abs() <= want.abs() * 0.001,
        "{got} is not within 0.1 % of {want}"
    );
}

#[test]
fn percentiles_are_within_a_thousandth_from_a_microsecond_to_an_hour() {
    let mut histogram = Histogram::new(Unit::Time);
    let mut sorted = values(20_000, 0.001, 9.5); // ms
    for value in &sorted {
        histogram.record(*value);
    }
    sorted.sort_by(f64::total_cmp);
    for percent in [0.0, 0.01, 1.0, 10.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0] {
        assert_close(histogram.percentile(percent), exact(&sorted, percent));
    }
    let sum: f64 = sorted.iter().sum();
    assert!((histogram.avg() - sum / 20_000.0).abs() < 1e-6 * sum / 20_000.0);
    assert_eq!(histogram.min(), sorted[0] * NANOS_PER_MS / NANOS_PER_MS);
    assert_eq!(
        histogram.max(),
        sorted[19_999] * NANOS_PER_MS / NANOS_PER_MS
    );
}

#[test]
fn times_are_exact_at_the_edges() {
    let mut histogram = Histogram::new(Unit::Time);
    for nanos in [1, 999, 1_234_567, 3_600_000_000_001] {
        histogram.record_time(Duration::from_nanos(nanos));
    }
    assert_eq!(histogram.min(), 1e-6);
    assert_eq!(histogram.max(), 3_600_000.000_001);
    assert_eq!(
        histogram.avg(),
        (1.0 + 999.0 + 1_234_567.0 + 3_600_000_000_001.0) / 4.0 / 1e6
    );
    assert_eq!(histogram.percentile(100.0), histogram.max());
    assert_eq!(histogram.percentile(0.0), histogram.min());
    histogram.record_time(Duration::MAX);
    assert_eq!(histogram.count(), 5);
}

#[test]
fn the_median_of_two_lies_between_them_as_in_k6() {
    let mut histogram = Histogram::new(Unit::Time);
    histogram.record(10.0);
    histogram.record(20.0);
    assert_eq!(histogram.percentile(50.0), 15.0);
    histogram.record(15.0);
    assert_close(histogram.percentile(95.0), 19.5);
}

#[test]
fn plain_numbers_may_be_fractions_or_negative() {
    let mut histogram = Histogram::new(Unit::None);
    let mut sorted: Vec<f64> = values(5_000, 0.01, 6.0);
    let negative: Vec<f64> = sorted.iter().map(|value| -value / 3.0).collect();
    sorted.extend(negative);
    for value in &sorted {
        histogram.record(*value);
    }
    sorted.sort_by(f64::total_cmp);
    for percent in [0.0, 5.0, 25.0, 49.0, 75.0, 95.0, 100.0] {
        assert_close(histogram.percentile(percent), exact(&sorted, percent));
    }
    assert_eq!(
        (histogram.min(), histogram.max()),
        (sorted[0], sorted[9_999])
    );
    histogram.record(f64::NAN);
    histogram.record(f64::INFINITY);
    assert_eq!(histogram.count(), 10_000);
    histogram.record(1e300);
    assert_eq!(histogram.max(), 1e300);
}

#[test]
fn percentiles_of_whole_numbers_are_whole() {
    let mut depth = Histogram::new(Unit::None);
    for value in [1.0, 100.0, 100.0, 100.0, 777.0] {
        depth.record(value);
    }
    assert_eq!(depth.percentile(50.0), 100.0);
    assert_eq!(depth.percentile(62.5), 100.0); // between two that are equal
    let mut large = Histogram::new(Unit::Data);
    for value in [-3_000.0, -2_000.0, 1_048_575.0, 1_048_576.0, 2e9] {
        large.record(value);
    }
    assert_eq!(large.percentile(25.0), -2_000.0);
    assert_eq!(large.percentile(50.0).fract(), 0.0);
    assert_close(large.percentile(50.0), 1_048_575.0);
}

#[test]
fn one_fraction_is_enough_not_to_round_wherever_it_was_recorded() {
    let mut fractions = Histogram::new(Unit::None);
    record(&mut fractions, [1.0, 1.5, 1.5, 2.0]);
    assert_close(fractions.percentile(50.0), 1.5);
    let mut merged = Histogram::new(Unit::None);
    record(&mut merged, [1.0, 2.0]);
    let mut lengths = Histogram::new(Unit::None);
    lengths.record_time(Duration::from_micros(1_500)); // in milliseconds
    merged.merge(&lengths);
    assert_close(merged.percentile(50.0), 1.5);
    merged.clear();
    record(&mut merged, [1.0, 100.0, 101.0]);
    assert_eq!(merged.percentile(50.0), 100.0);
    // Times are never rounded to milliseconds.
    let mut time = Histogram::new(Unit::Time);
    record(&mut time, [100.0, 100.25, 101.0]);
    assert!(time.percentile(50.0).fract() > 0.1);
}

#[test]
fn merged_whole_numbers_stay_whole() {
    let mut merged = Histogram::new(Unit::None);
    for part in [[1.0, 100.0], [100.0, 100.0], [100.0, 300.0]] {
        let mut piece = Histogram::new(Unit::None);
        record(&mut piece, part);
        merged.merge(&piece);
    }
    assert_eq!(merged.percentile(50.0), 100.0);
    merged.merge(&Histogram::new(Unit::None));
    assert_eq!(merged.clone().percentile(50.0), 100.0);
}

#[test]
fn merging_is_as_if_all_were_recorded_in_one() {
    let all = values(9_000, 0.01, 6.0);
    let mut one = Histogram::new(Unit::Time);
    let mut merged = Histogram::new(Unit::Time);
    for part in all.chunks(1_000) {
        let mut piece = Histogram::new(Unit::Time);
        for value in part {
            one.record(*value);
            piece.record(*value);
        }
        merged.merge(&piece);
        piece.clear();
        assert_eq!(
            (piece.count(), piece.max(), piece.percentile(50.0)),
            (0, 0.0, 0.0)
        );
        merged.merge(&piece);
    }
    for percent in [1.0, 50.0, 99.0] {
        assert_eq!(one.percentile(percent), merged.percentile(percent));
    }
    assert_eq!(
        (one.count(), one.min(), one.max()),
        (merged.count(), merged.min(), merged.max())
    );
}
