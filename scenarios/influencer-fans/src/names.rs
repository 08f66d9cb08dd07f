//! What fans are called.

use lt_sdk::names::user_name;
use lt_sdk::rand::Rng;

/// Letters of a new fan's name behind the prefix: no two runs make the same.
const LETTERS: usize = 20;

/// A name that the run, and with all likelihood no run before, has given to nobody: 20 letters that follow from the run's id, the user's seed and the
/// number of the attempt.
pub(crate) fn new(prefix: &str, run: &str, user_seed: u64, attempt: u64) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
    let mut rng = Rng::for_iteration(user_seed ^ sum(run), attempt);
    let mut name = String::with_capacity(prefix.len() + LETTERS);
    name.push_str(prefix);
    for _ in 0..LETTERS {
        if let Some(&letter) = rng.pick(ALPHABET) {
            name.push(char::from(letter));
        }
    }
    name
}

/// The name of an account that exists, or is to exist for the runs that follow: the prefix and the user's id.
pub(crate) fn existing(prefix: &str, id: u64) -> String {
    user_name(prefix, id)
}

/// The address of a fan's mail.
pub(crate) fn email(name: &str, domain: &str) -> String {
    [name, "@", domain].concat()
}

/// Sum of a text (FNV-1a, 64 bits): tells one run from another.
fn sum(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_differ_by_run_user_and_attempt() {
        let mut names: Vec<_> = (0..10)
            .flat_map(|seed| (0..10).map(move |attempt| (seed, attempt)))
            .flat_map(|(seed, attempt)| {
                ["run-1", "run-2", ""].map(|run| new("testfan", run, seed, attempt))
            })
            .collect();
        assert!(names.iter().all(|name| {
            let letters = name.strip_prefix("testfan").unwrap_or_default();
            letters.len() == LETTERS && letters.bytes().all(|it| it.is_ascii_lowercase())
        }));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 300);
        assert_eq!(new("a", "run", 1, 2), new("a", "run", 1, 2));
    }

    #[test]
    fn existing_names_are_the_same_in_every_run() {
        assert_eq!(existing("testfan", 1017), "testfan1017");
        assert_eq!(
            email(&existing("testfan", 7), "example.org"),
            "testfan7@example.org"
        );
    }
}
