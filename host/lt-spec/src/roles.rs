//! Which role each user plays: a pure function of its position, so that every host and every repeated run agrees.

/// How many users a role gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RoleShare {
    /// Exactly this many: the first users, before the others are applied.
    Count(u64),
    /// Every so many-th of the users that `Count` leaves; at least 1.
    Every(u64),
    /// This percentage of the users that are left, evenly mixed.
    Percent(f64),
    /// A share of the rest, relative to the other weights, evenly mixed.
    Weight(u32),
}

/// The roles of a scenario's users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roles {
    names: Vec<String>,
    /// `(end, role)`: positions below `end` play the role; ends grow.
    counts: Vec<(u64, u16)>,
    every: Vec<(u64, u16)>,
    /// What the rest play, again and again.
    pattern: Vec<u16>,
}

/// Longest pattern of mixed roles: shares are exact to a hundredth of a percent.
const PATTERN_MAX: u64 = 10_000;

impl Roles {
    /// Roles by name and share. The caller has checked that every user gets one.
    #[must_use]
    pub fn new(roles: &[(String, RoleShare)]) -> Self {
        let mut made = Self::default();
        let mut end = 0_u64;
        let mut weights: Vec<(u16, f64)> = Vec::new();
        let percent: f64 = roles
            .iter()
            .map(|(_, share)| match share {
                RoleShare::Percent(percent) => *percent,
                _ => 0.0,
            })
            .sum();
        let weight: f64 = roles
            .iter()
            .map(|(_, share)| match share {
                RoleShare::Weight(weight) => f64::from(*weight),
                _ => 0.0,
            })
            .sum();
        for (position, (name, share)) in roles.iter().enumerate() {
            let role = u16::try_from(position).unwrap_or(u16::MAX);
            made.names.push(name.clone());
            match *share {
                RoleShare::Count(count) => {
                    end = end.saturating_add(count);
                    made.counts.push((end, role));
                }
                RoleShare::Every(every) => made.every.push((every.max(1), role)),
                RoleShare::Percent(share) => weights.push((role, share)),
                RoleShare::Weight(share) if weight > 0.0 => {
                    // Beside percentages, weights share what those leave of the hundred; alone, any sum will do.
                    let rest = if percent > 0.0 {
                        100.0 - percent
                    } else {
                        weight
                    };
                    weights.push((role, f64::from(share) / weight * rest));
                }
                RoleShare::Weight(_) => {}
            }
        }
        made.pattern = mix(&weights);
        made
    }

    /// Whether all users are alike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Names of the roles, by number.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Name of a role; empty without roles.
    #[must_use]
    pub fn name(&self, role: u16) -> &str {
        self.names.get(usize::from(role)).map_or("", String::as_str)
    }

    /// The role of the user at this position, counted from 0.
    #[must_use]
    pub fn of(&self, position: u64) -> u16 {
        let counted = self.counts.last().map_or(0, |(end, _)| *end);
        if position < counted {
            let found = self.counts.iter().find(|(end, _)| position < *end);
            return found.map_or(0, |(_, role)| *role);
        }
        let position = position - counted;
        let found = self
            .every
            .iter()
            .find(|(every, _)| (position + 1).is_multiple_of(*every));
        if let Some((_, role)) = found {
            return *role;
        }
        // How many before this one did not fall to `every`: exact with one such role, close with several.
        let taken = self
            .every
            .iter()
            .fold(position, |left, (every, _)| left - left / every);
        let len = self.pattern.len() as u64;
        let place = usize::try_from(taken.checked_rem(len).unwrap_or(0)).unwrap_or(0);
        self.pattern.get(place).copied().unwrap_or(0)
    }

    /// How many of the first `users` users play each role, in the order of the names.
    #[must_use]
    pub fn counts(&self, users: u64) -> Vec<u64> {
        let mut counts = vec![0; self.names.len()];
        for position in 0..users {
            if let Some(count) = counts.get_mut(usize::from(self.of(position))) {
                *count += 1;
            }
        }
        counts
    }
}

/// Roles in a pattern in which each has its share of every beginning, as nearly as whole users allow.
fn mix(weights: &[(u16, f64)]) -> Vec<u16> {
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    if sum <= 0.0 {
        return Vec::new();
    }
    let length = pattern_length(weights, sum);
    let mut given = vec![0.0_f64; weights.len()];
    let mut pattern = Vec::new();
    for place in 1..=length {
        #[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
        let so_far = place as f64;
        let behind = |index: usize, weight: f64| {
            (weight / sum).mul_add(so_far, -given.get(index).copied().unwrap_or(0.0))
        };
        let next = weights
            .iter()
            .enumerate()
            .max_by(|(left, (_, a)), (right, (_, b))| {
                // Of equals the first: `max_by` takes the last, so positions compare the other way round.
                behind(*left, *a)
                    .total_cmp(&behind(*right, *b))
                    .then(right.cmp(left))
            })
            .map(|(index, (role, _))| (index, *role));
        if let Some((index, role)) = next {
            pattern.push(role);
            if let Some(count) = given.get_mut(index) {
                *count += 1.0;
            }
        }
    }
    pattern
}

/// The shortest length in which all shares come out whole, if there is one within the bound.
fn pattern_length(weights: &[(u16, f64)], sum: f64) -> u64 {
    (1..=PATTERN_MAX)
        .find(|length| {
            #[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
            let length = *length as f64;
            weights.iter().all(|(_, weight)| {
                let share = weight / sum * length;
                (share - share.round()).abs() < 1e-6
            })
        })
        .unwrap_or(PATTERN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(shares: &[RoleShare]) -> Roles {
        let named: Vec<(String, RoleShare)> = shares
            .iter()
            .enumerate()
            .map(|(position, share)| (format!("r{position}"), *share))
            .collect();
        Roles::new(&named)
    }

    #[test]
    fn without_roles_all_are_alike() {
        let none = Roles::default();
        assert!(none.is_empty());
        assert_eq!(none.name(none.of(7)), "");
    }

    #[test]
    fn counts_come_first_and_weights_mix_the_rest() {
        let mixed = roles(&[
            RoleShare::Weight(1),
            RoleShare::Count(2),
            RoleShare::Weight(3),
        ]);
        assert_eq!(mixed.of(0), 1);
        assert_eq!(mixed.of(1), 1);
        assert_eq!(mixed.counts(10), [2, 2, 6]);
        // Every stretch of four among the rest has one of the first role.
        assert_eq!((2..6).filter(|place| mixed.of(*place) == 0).count(), 1);
    }

    #[test]
    fn every_53rd_reads_the_archive() {
        let readers = roles(&[RoleShare::Every(53), RoleShare::Weight(1)]);
        assert_eq!(readers.of(52), 0);
        assert_eq!(readers.of(51), 1);
        assert_eq!(readers.counts(530), [10, 520]);
    }

    #[test]
    fn percentages_leave_the_rest_to_weights() {
        let shares = roles(&[
            RoleShare::Percent(30.0),
            RoleShare::Weight(1),
            RoleShare::Weight(1),
        ]);
        assert_eq!(shares.counts(100), [30, 35, 35]);
        let third = roles(&[RoleShare::Percent(100.0 / 3.0), RoleShare::Weight(2)]);
        assert_eq!(third.counts(3), [1, 2]);
    }

    #[test]
    fn a_mix_keeps_its_shares_in_every_beginning() {
        let mixed = roles(&[
            RoleShare::Weight(7),
            RoleShare::Weight(2),
            RoleShare::Weight(1),
        ]);
        for users in 1..200_u32 {
            let counts = mixed.counts(u64::from(users));
            for (count, weight) in counts.iter().zip([7.0, 2.0, 1.0]) {
                let ideal = weight / 10.0 * f64::from(users);
                #[expect(clippy::cast_precision_loss, reason = "small counts")]
                let off = (*count as f64 - ideal).abs();
                assert!(off <= 1.5, "{users} users: {counts:?}");
            }
        }
    }
}
