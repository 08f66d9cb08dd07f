//! What a user does in one tick, from one number drawn.

/// Draws above these act. All are of one number between 0 and 1, the same for all rows of the table.
const CONNECT_ABOVE: f64 = 0.5;
const JOIN_BREAKOUT_ABOVE: f64 = 0.95;
const LEAVE_ABOVE: f64 = 0.995;
/// Share of ticks in which a user of the greatest chattiness chats, and what that is.
const CHAT_SHARE_MAX: f64 = 0.1;
const CHATTINESS_MAX: f64 = 10.0;

/// How a user stands when its tick begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// It is in its plenary.
    pub(crate) connected: bool,
    /// It is in a breakout.
    pub(crate) in_breakout: bool,
    /// There is a breakout that it could join.
    pub(crate) breakout_fits: bool,
}

/// What the settings let users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behaviour {
    /// How much they chat: 0 never, 10 in every tenth tick.
    pub(crate) chattiness: u8,
    /// They chat at all.
    pub(crate) chat: bool,
    /// They leave the plenary and come back.
    pub(crate) leaving: bool,
    /// They join breakouts.
    pub(crate) breakouts: bool,
}

/// What to do in this tick. Plenary and breakout are two pages of one person: something can happen in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actions {
    /// In the plenary.
    pub(crate) plenary: Option<Plenary>,
    /// In a breakout.
    pub(crate) breakout: Option<Breakout>,
}

/// An action in the plenary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plenary {
    /// Open its socket.
    Join,
    /// Close its socket.
    Leave,
    /// Say something.
    Chat,
}

/// An action in a breakout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breakout {
    /// Open the socket of one.
    Join,
    /// Close it.
    Leave,
}

/// The actions of a tick that drew `op`, from 0 up to 1.
///
/// | state | condition | action |
/// |---|---|---|
/// | not in the plenary | op > 0.5 | join it |
/// | in it, not in a breakout, one fits | op > 0.95 | join one |
/// | in it and in a breakout | op > 0.995 | leave the breakout |
/// | in it, leaving enabled | op > 0.995 | leave the plenary |
/// | in it, and not leaving it | op > 1 − chattiness / 100 | chat |
///
/// The two rows on breakouts stand beside the others: one tick may join a breakout and chat.
pub(crate) fn decide(state: State, op: f64, behaviour: Behaviour) -> Actions {
    if !state.connected {
        return Actions {
            plenary: (op > CONNECT_ABOVE).then_some(Plenary::Join),
            breakout: None,
        };
    }
    let breakout = if state.in_breakout {
        (op > LEAVE_ABOVE).then_some(Breakout::Leave)
    } else {
        let wanted = behaviour.breakouts && state.breakout_fits && op > JOIN_BREAKOUT_ABOVE;
        wanted.then_some(Breakout::Join)
    };
    let plenary = if behaviour.leaving && op > LEAVE_ABOVE {
        Some(Plenary::Leave)
    } else {
        (behaviour.chat && op > chat_above(behaviour.chattiness)).then_some(Plenary::Chat)
    };
    Actions { plenary, breakout }
}

/// The draw above which a user of this chattiness chats; nothing is above 1.
fn chat_above(chattiness: u8) -> f64 {
    (f64::from(chattiness) / CHATTINESS_MAX).mul_add(-CHAT_SHARE_MAX, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: State = State {
        connected: false,
        in_breakout: false,
        breakout_fits: true,
    };
    const IN: State = State {
        connected: true,
        ..OUT
    };
    const IN_BREAKOUT: State = State {
        in_breakout: true,
        ..IN
    };
    const ALL: Behaviour = Behaviour {
        chattiness: 5,
        chat: true,
        leaving: true,
        breakouts: true,
    };
    /// Just above.
    const BIT: f64 = 1e-9;

    fn check(
        state: State,
        behaviour: Behaviour,
        op: f64,
        plenary: Option<Plenary>,
        breakout: Option<Breakout>,
    ) {
        let expected = Actions { plenary, breakout };
        assert_eq!(
            decide(state, op, behaviour),
            expected,
            "{state:?}, {behaviour:?}, {op}"
        );
    }

    #[test]
    fn who_is_out_joins_above_a_half_and_does_nothing_else() {
        for state in [
            OUT,
            State {
                in_breakout: true,
                ..OUT
            },
        ] {
            check(state, ALL, 0.0, None, None);
            check(state, ALL, 0.5, None, None);
            check(state, ALL, 0.5 + BIT, Some(Plenary::Join), None);
            check(state, ALL, 1.0 - BIT, Some(Plenary::Join), None);
        }
    }

    #[test]
    fn breakouts_are_joined_above_0_95_if_enabled_and_one_fits() {
        let quiet = Behaviour { chat: false, ..ALL };
        check(IN, quiet, 0.95, None, None);
        check(IN, quiet, 0.95 + BIT, None, Some(Breakout::Join));
        let none_fits = State {
            breakout_fits: false,
            ..IN
        };
        check(none_fits, quiet, 0.97, None, None);
        let disabled = Behaviour {
            breakouts: false,
            ..quiet
        };
        check(IN, disabled, 0.97, None, None);
    }

    #[test]
    fn a_breakout_is_left_above_0_995_also_when_joining_was_disabled_meanwhile() {
        let quiet = Behaviour {
            chat: false,
            leaving: false,
            ..ALL
        };
        check(IN_BREAKOUT, quiet, 0.995, None, None);
        check(IN_BREAKOUT, quiet, 0.995 + BIT, None, Some(Breakout::Leave));
        let disabled = Behaviour {
            breakouts: false,
            ..quiet
        };
        check(
            IN_BREAKOUT,
            disabled,
            0.995 + BIT,
            None,
            Some(Breakout::Leave),
        );
    }

    #[test]
    fn the_plenary_is_left_above_0_995_if_enabled_and_nobody_who_leaves_chats() {
        let alone = Behaviour {
            breakouts: false,
            ..ALL
        };
        check(IN, alone, 0.995, Some(Plenary::Chat), None);
        check(IN, alone, 0.995 + BIT, Some(Plenary::Leave), None);
        let staying = Behaviour {
            leaving: false,
            ..alone
        };
        check(IN, staying, 0.995 + BIT, Some(Plenary::Chat), None);
        check(
            IN_BREAKOUT,
            ALL,
            0.995 + BIT,
            Some(Plenary::Leave),
            Some(Breakout::Leave),
        );
    }

    #[test]
    fn chattiness_is_the_share_of_ticks_in_percent() {
        for (chattiness, above) in [(1, 0.99), (5, 0.95), (10, 0.9)] {
            let alone = Behaviour {
                chattiness,
                leaving: false,
                breakouts: false,
                ..ALL
            };
            check(IN, alone, above - BIT, None, None);
            check(IN, alone, above + BIT, Some(Plenary::Chat), None);
            let mute = Behaviour {
                chat: false,
                ..alone
            };
            check(IN, mute, above + BIT, None, None);
        }
    }

    #[test]
    fn a_chattiness_of_nothing_never_chats() {
        let silent = Behaviour {
            chattiness: 0,
            leaving: false,
            breakouts: false,
            ..ALL
        };
        let largest_draw = 1.0 - f64::EPSILON / 2.0;
        check(IN, silent, largest_draw, None, None);
    }

    #[test]
    fn one_tick_may_join_a_breakout_and_chat() {
        check(IN, ALL, 0.96, Some(Plenary::Chat), Some(Breakout::Join));
    }
}
