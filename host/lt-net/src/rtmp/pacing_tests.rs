use bytes::Bytes;

use super::*;

/// A file of tags with these kinds and time stamps: a byte of the type, of which 19 stands for a header of video, then the stamp.
fn asset(tags: &[(u8, u32)]) -> Arc<Asset> {
    let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for (kind, timestamp) in tags {
        // AAC or AVC, no sequence header.
        let payload: &[u8] = match kind {
            8 => &[0xaf, 1, 0],
            9 => &[0x27, 1, 0, 0, 0],
            19 => &[0x17, 0, 0, 0, 0, 1],
            _ => b"\x02\0\x01x\x05",
        };
        let [high, bytes @ ..] = timestamp.to_be_bytes();
        let length = u8::try_from(payload.len()).unwrap();
        let kind = if *kind == 19 { 9 } else { *kind };
        file.extend([kind, 0, 0, length]);
        file.extend(bytes);
        file.extend([high, 0, 0, 0]);
        file.extend(payload);
        file.extend((11 + u32::from(length)).to_be_bytes());
    }
    Arc::new(Asset::parse(Bytes::from(file)).unwrap())
}

fn video(stamps: &[u32]) -> Arc<Asset> {
    let tags: Vec<_> = stamps.iter().map(|stamp| (9, *stamp)).collect();
    asset(&tags)
}

fn options(rounds: Option<u32>, ahead: u64) -> AssetOptions {
    AssetOptions {
        rounds,
        ahead: Duration::from_millis(ahead),
    }
}

/// All that is due in so many milliseconds, each when it is: index, time stamp, and when.
fn play(pacing: &mut Pacing, base: Instant, until: u64) -> Vec<(usize, u32, u64)> {
    let end = base + Duration::from_millis(until);
    let mut played = Vec::new();
    while let Some(next) = pacing.next().filter(|next| *next <= end) {
        if next > base {
            assert_eq!(
                pacing.due(next - Duration::from_micros(1)),
                None,
                "too early"
            );
        }
        let due = pacing.due(next).unwrap();
        assert_eq!(due.when, next);
        let after = u64::try_from((next - base).as_millis()).unwrap();
        played.push((due.index, due.timestamp, after));
    }
    played
}

#[test]
fn each_tag_is_due_at_its_time() {
    let base = Instant::now();
    let mut pacing = Pacing::new(video(&[500, 540, 600]), options(Some(1), 0), base, 7000);
    assert!(!pacing.is_done());
    let played = play(&mut pacing, base, 1000);
    assert_eq!(played, [(0, 7000, 0), (1, 7040, 40), (2, 7100, 100)]);
    assert!(pacing.is_done());
    assert_eq!(
        (pacing.next(), pacing.due(base + Duration::from_secs(9))),
        (None, None)
    );
    // What replaces it goes on one frame later.
    assert_eq!((pacing.rounds(), pacing.next_timestamp()), (1, 7160));
}

#[test]
fn rounds_follow_each_other_without_a_seam() {
    let base = Instant::now();
    let mut pacing = Pacing::new(video(&[0, 40, 80]), options(None, 0), base, 0);
    let played = play(&mut pacing, base, 100_000);
    assert_eq!(played.len(), 2501);
    for (step, (index, timestamp, after)) in played.into_iter().enumerate() {
        assert_eq!(
            (index, timestamp as usize, after as usize),
            (step % 3, step * 40, step * 40)
        );
    }
    assert_eq!(pacing.rounds(), 833);
}

#[test]
fn one_that_comes_late_is_sent_at_once_and_knows_how_late_it_is() {
    let base = Instant::now();
    let mut pacing = Pacing::new(video(&[0, 40, 80]), options(Some(2), 0), base, 0);
    let now = base + Duration::from_millis(205);
    let late: Vec<_> = std::iter::from_fn(|| pacing.due(now))
        .map(|due| (now - due.when).as_millis())
        .collect();
    assert_eq!(late, [205, 165, 125, 85, 45, 5]);
}

#[test]
fn what_goes_ahead_goes_at_once() {
    let base = Instant::now();
    let mut pacing = Pacing::new(video(&[0, 40, 80, 120]), options(Some(1), 80), base, 0);
    let played = play(&mut pacing, base, 1000);
    assert_eq!(played, [(0, 0, 0), (1, 40, 0), (2, 80, 0), (3, 120, 40)]);
}

#[test]
fn tags_that_go_back_in_time_are_in_order_and_not_late() {
    let base = Instant::now();
    // Audio behind video; a cue point from before the first frame; and a frame that is out of order.
    let tags = [(18, 0), (9, 100), (8, 60), (9, 140), (9, 120), (8, 160)];
    let mut pacing = Pacing::new(asset(&tags), options(Some(1), 0), base, 1000);
    let played = play(&mut pacing, base, 1000);
    let expected = [
        (0, 1000, 0),
        (1, 1040, 40),
        (2, 1000, 40),
        (3, 1080, 80),
        (4, 1060, 80),
        (5, 1100, 100),
    ];
    assert_eq!(played, expected);
}

/// Recordings of what ran already have the codecs' headers at zero.
#[test]
fn headers_from_before_the_first_frame_make_no_gap() {
    let base = Instant::now();
    let tags = [(19, 0), (9, 100_000), (9, 100_040), (9, 100_080)];
    let mut pacing = Pacing::new(asset(&tags), options(Some(2), 0), base, 0);
    let played = play(&mut pacing, base, 1000);
    let round = |start: u32| {
        [(0, 0), (1, 0), (2, 40), (3, 80)]
            .map(|(index, at)| (index, start + at, u64::from(start + at)))
    };
    assert_eq!(played, [round(0), round(120)].concat());
}

#[test]
fn time_stamps_wrap_and_time_does_not() {
    let base = Instant::now();
    let asset = video(&[0, 1_000_000, 2_000_000]);
    let round = u64::from(asset.round_ms());
    assert_eq!(round, 3_000_000);
    let start = u32::MAX - 5_999_999;
    let mut pacing = Pacing::new(asset, options(None, 0), base, start);
    // Some two months.
    let played = play(&mut pacing, base, 1800 * round - 1);
    assert_eq!(played.len(), 5400);
    for (step, (_, timestamp, after)) in played.iter().enumerate() {
        let passed = step as u64 * 1_000_000;
        let expected = (u64::from(start) + passed) % (1 << 32);
        assert_eq!((u64::from(*timestamp), *after), (expected, passed));
    }
    assert_eq!(played[6].1, 0, "it wraps");
}
