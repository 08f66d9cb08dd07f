use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use super::*;
use crate::testing::Scratch;

/// What an answer of this process says: it never waits.
fn now<T>(answer: Answer<T>) -> Result<T, DataError> {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("a local answer waits for nobody"),
    }
}

fn empty() -> Arc<LocalShared> {
    LocalShared::open(None).unwrap()
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn cursors_count_for_each_feeder() {
    let shared = empty();
    let taken = ["a", "a", "b", "a"].map(|feeder| now(shared.advance(feeder)).unwrap());
    assert_eq!(taken, [0, 1, 0, 2]);
}

#[test]
fn no_position_is_given_twice() {
    let shared = empty();
    let mut taken: Vec<u64> = thread::scope(|scope| {
        let threads = [(); 8].map(|()| {
            scope.spawn(|| {
                let taken = (0..1000).map(|_| now(shared.advance("people")).unwrap());
                taken.collect::<Vec<_>>()
            })
        });
        threads
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    taken.sort_unstable();
    assert!(taken.into_iter().eq(0..8000));
}

#[test]
fn feeders_without_end_are_refused() {
    let shared = empty();
    for n in 0..DATA_FILES_MAX {
        assert_eq!(now(shared.advance(&n.to_string())), Ok(0));
    }
    assert!(matches!(
        now(shared.advance("one more")),
        Err(DataError::Other(_))
    ));
    assert_eq!(now(shared.advance("7")), Ok(1));
}

#[test]
fn values_are_set_replaced_and_removed() {
    let shared = empty();
    assert!(shared.is_empty() && !shared.dirty());
    assert_eq!(now(shared.load("k")), Ok(None));
    assert_eq!(now(shared.store("k", bytes("1"))), Ok(()));
    assert_eq!(now(shared.store("k", bytes("2"))), Ok(()));
    assert_eq!(now(shared.load("k")), Ok(Some(bytes("2"))));
    assert_eq!((shared.len(), shared.dirty()), (1, true));
    assert_eq!(now(shared.remove("k")), Ok(true));
    assert_eq!(now(shared.remove("k")), Ok(false));
    assert_eq!(now(shared.load("k")), Ok(None));
    assert_eq!(shared.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_value_is_only_replaced_by_who_knows_it() {
    let shared = empty();
    let swap = |expected: Option<&'static str>, value| {
        now(shared.compare_and_store("k", expected.map(bytes), bytes(value)))
    };
    assert_eq!(swap(Some("1"), "2"), Ok(false));
    assert_eq!(swap(None, "1"), Ok(true));
    assert_eq!(swap(None, "2"), Ok(false));
    assert_eq!(swap(Some("1"), ""), Ok(true));
    assert_eq!(swap(None, "2"), Ok(false), "an empty value is a value");
    assert_eq!(swap(Some(""), "3"), Ok(true));
    assert_eq!(now(shared.load("k")), Ok(Some(bytes("3"))));
}

#[test]
fn one_of_many_who_compare_at_once_wins() {
    let shared = empty();
    let wins: usize = thread::scope(|scope| {
        let threads = [(); 8].map(|()| {
            scope.spawn(|| {
                let wins = (0..200).filter(|n| {
                    let stored = shared.compare_and_store(&format!("key-{n}"), None, bytes("mine"));
                    now(stored).unwrap()
                });
                wins.count()
            })
        });
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!((wins, shared.len()), (200, 200));
}

#[test]
fn keys_and_values_have_bounds() {
    let shared = empty();
    let key = "k".repeat(STORE_KEY_BYTES_MAX);
    let value = Bytes::from(vec![0; STORE_VALUE_BYTES_MAX]);
    assert_eq!(now(shared.store(&key, value)), Ok(()));
    let value = Bytes::from(vec![0; STORE_VALUE_BYTES_MAX + 1]);
    assert_eq!(
        now(shared.store("k", value.clone())),
        Err(DataError::TooLarge(1 << 20))
    );
    assert_eq!(
        now(shared.compare_and_store("k", None, value)),
        Err(DataError::TooLarge(1 << 20))
    );
    for key in ["", &format!("{key}k")] {
        let errors = [
            now(shared.load(key)).unwrap_err(),
            now(shared.store(key, bytes(""))).unwrap_err(),
            now(shared.compare_and_store(key, None, bytes(""))).unwrap_err(),
            now(shared.remove(key)).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, DataError::InvalidName(_)), "{error:?}");
        }
    }
    assert_eq!(shared.len(), 1);
}

#[test]
fn a_full_store_takes_no_more_until_something_goes() {
    // Two entries of one byte each as key and value.
    let max = 2 * (STORE_ENTRY_OVERHEAD_BYTES + 2);
    let shared = LocalShared::with_bytes_max(None, max).unwrap();
    assert_eq!(now(shared.store("a", bytes("1"))), Ok(()));
    assert_eq!(now(shared.store("b", bytes("1"))), Ok(()));
    assert_eq!(now(shared.store("c", bytes(""))), Err(DataError::StoreFull));
    assert_eq!(
        now(shared.store("a", bytes("12"))),
        Err(DataError::StoreFull)
    );
    assert_eq!(now(shared.load("a")), Ok(Some(bytes("1"))));
    assert_eq!(now(shared.store("a", bytes("2"))), Ok(()));
    assert_eq!(now(shared.remove("b")), Ok(true));
    assert_eq!(now(shared.store("c", bytes("1"))), Ok(()));
    assert_eq!(shared.len(), 2);
}

#[test]
fn the_store_is_there_again_in_the_next_run() {
    let scratch = Scratch::new();
    let path = scratch.path("state.json");
    let first = LocalShared::open(Some(&path)).unwrap();
    assert!(!path.exists() && !first.dirty());
    let values = [
        ("text", bytes("a \"quoted\"\nline, ü")),
        ("empty", bytes("")),
        ("binary", Bytes::from_static(&[0, 0xff, 0xfe, 0x80])),
        ("ключ\t\"", bytes("x")),
    ];
    for (key, value) in &values {
        now(first.store(key, value.clone())).unwrap();
    }
    assert!(first.dirty());
    first.save().unwrap();
    assert!(!first.dirty());
    drop(first);

    let second = LocalShared::open(Some(&path)).unwrap();
    assert_eq!((second.len(), second.dirty()), (4, false));
    for (key, value) in values {
        assert_eq!(now(second.load(key)), Ok(Some(value)), "{key}");
    }
    assert_eq!(now(second.remove("text")), Ok(true));
    second.save().unwrap();
    drop(second);
    assert_eq!(LocalShared::open(Some(&path)).unwrap().len(), 3);
}

#[test]
fn only_the_owner_reads_the_state_file_and_nothing_else_is_left() {
    let scratch = Scratch::new();
    let path = scratch.file("state.json", b"{\"version\": 1, \"entries\": {}}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let shared = LocalShared::open(Some(&path)).unwrap();
    now(shared.store("session", bytes("secret"))).unwrap();
    shared.save().unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(shared);
    let names: Vec<_> = fs::read_dir(scratch.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["state.json"]);
}

#[test]
fn saving_without_a_change_or_a_file_writes_nothing() {
    let scratch = Scratch::new();
    let path = scratch.path("state.json");
    LocalShared::open(Some(&path)).unwrap().save().unwrap();
    assert!(!path.exists());

    let without = empty();
    now(without.store("k", bytes("1"))).unwrap();
    without.save().unwrap();
    assert!(without.dirty());
}

#[test]
fn a_failed_save_keeps_the_old_file_and_is_due_again() {
    let scratch = Scratch::new();
    let path = scratch.path("state.json");
    let shared = LocalShared::open(Some(&path)).unwrap();
    now(shared.store("k", bytes("1"))).unwrap();
    // A directory in its place cannot be replaced by a file.
    fs::create_dir(&path).unwrap();
    assert!(shared.save().is_err());
    assert!(shared.dirty());
    let names = fs::read_dir(scratch.path("")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".state.json.lock", "state.json"]);
    fs::remove_dir(&path).unwrap();
    shared.save().unwrap();
    assert!(!shared.dirty());
    drop(shared);
    assert_eq!(LocalShared::open(Some(&path)).unwrap().len(), 1);
}

#[test]
fn a_link_to_the_state_file_stays_one() {
    let scratch = Scratch::new();
    let real = scratch.file("real.json", b"{\"version\":1,\"entries\":{\"a\":\"1\"}}");
    let link = scratch.path("link.json");
    std::os::unix::fs::symlink("real.json", &link).unwrap();
    let shared = LocalShared::open(Some(&link)).unwrap();
    now(shared.store("b", bytes("2"))).unwrap();
    shared.save().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    drop(shared);
    assert_eq!(LocalShared::open(Some(&real)).unwrap().len(), 2);
}

#[test]
fn a_file_that_holds_too_much_is_refused() {
    let scratch = Scratch::new();
    let path = scratch.file(
        "s.json",
        b"{\"version\":1,\"entries\":{\"a\":\"1\",\"b\":\"2\"}}",
    );
    let problem = LocalShared::with_bytes_max(Some(&path), 200).unwrap_err();
    assert_eq!(
        problem.message,
        "entry \"b\" cannot be kept: the store is full"
    );
}

#[test]
fn two_runs_do_not_share_a_state_file() {
    let scratch = Scratch::new();
    let path = scratch.path("state.json");
    let link = scratch.path("link.json");
    let first = LocalShared::open(Some(&path)).unwrap();
    now(first.store("a", bytes("1"))).unwrap();
    first.save().unwrap();
    // By another name it is the same file.
    std::os::unix::fs::symlink("state.json", &link).unwrap();
    for same in [&path, &link] {
        let problem = LocalShared::open(Some(same)).unwrap_err().to_string();
        assert!(
            problem.ends_with(
                "another run has it open (remedy: wait until that run has ended, or name another file)"
            ),
            "{problem}"
        );
    }
    // Another file beside it is free, and so is this one once the run has ended; saving does not let go of it.
    assert!(LocalShared::open(Some(&scratch.path("other.json"))).is_ok());
    drop(first);
    assert_eq!(LocalShared::open(Some(&link)).unwrap().len(), 1);
}
