//! Random numbers that a repeated run repeats: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
//! 2014), from the run's seed. One place, so that every host, core and repeated run agrees.

/// What a step adds: the golden ratio of 64 bits.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number that follows a state: every bit of it depends on every bit of the state.
#[must_use]
pub const fn mix(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(GAMMA);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The `number`-th number after a seed, counted from 1: neighbours are unrelated. A user's seed is that of its id.
#[must_use]
pub const fn nth(seed: u64, number: u64) -> u64 {
    mix(seed.wrapping_add(number.wrapping_sub(1).wrapping_mul(GAMMA)))
}

/// A seed for what has this name.
#[must_use]
pub fn of_name(seed: u64, name: &str) -> u64 {
    name.bytes()
        .fold(mix(seed), |mixed, byte| mix(mixed ^ u64::from(byte)))
}

/// A random number as one below `bound`, as evenly as 64 bits can be: the high half of the product. Zero if `bound` is.
#[must_use]
pub fn below(random: u64, bound: u64) -> u64 {
    let scaled = (u128::from(random) * u128::from(bound)) >> 64;
    // Below the bound, which has 64 bits.
    u64::try_from(scaled).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_reference() {
        // The first three of SplitMix64 from 1234567, as in the reference implementation.
        let numbers = [1, 2, 3].map(|number| nth(1_234_567, number));
        let reference = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(numbers, reference);
        assert_eq!(mix(1_234_567), reference[0]);
    }

    #[test]
    fn seeds_repeat_and_differ() {
        assert_eq!(nth(7, 1), nth(7, 1));
        assert_ne!(nth(7, 1), nth(7, 2));
        assert_ne!(nth(7, 1), nth(8, 1));
        assert_ne!(of_name(7, "a"), of_name(7, "b"));
        assert_ne!(of_name(7, "ab"), of_name(7, "ba"));
    }

    #[test]
    fn bounded_numbers_stay_below_their_bound_and_reach_all_below_it() {
        let mut seen = [0; 10];
        for number in 1..=1000 {
            let drawn = below(nth(3, number), 10);
            seen[usize::try_from(drawn).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        assert_eq!(below(u64::MAX, 0), 0);
        assert_eq!(below(u64::MAX, u64::MAX), u64::MAX - 1);
    }
}
