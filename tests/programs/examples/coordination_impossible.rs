//! Asks for what cannot be, alone in its run, and looks at the errors.

use lt_sdk::coordination::{
    Budget, Error as CoordinationError, Meeting, Throttle, Transition, mark_received, mark_sent,
    mark_sent_to, send, send_to_any, send_to_role,
};
use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

/// Everything that can be wrong is an error of a kind, and nothing else.
macro_rules! refused {
    ($call:expr, $kind:ident $($carries:tt)?) => {
        match $call {
            Err(CoordinationError::$kind $($carries)?) => {
                check!(concat!(stringify!($call), " is refused"), true);
            }
            other => bail!("{} gave {:?}", stringify!($call), other.map(drop)),
        }
    };
}

const SECOND: Duration = Duration::from_secs(1);

fn throttles() -> Result<()> {
    refused!(Throttle::rate("a", 0, SECOND), InvalidValue(_));
    refused!(Throttle::rate("a", 1, Duration::ZERO), InvalidValue(_));
    refused!(Throttle::parallelism("a", 0), InvalidValue(_));
    refused!(Throttle::parallelism("", 1), InvalidName(_));
    refused!(Throttle::parallelism(&"x".repeat(129), 1), InvalidName(_));
    let throttle = Throttle::rate(&"x".repeat(128), 10, SECOND)?;
    refused!(Throttle::rate(&"x".repeat(128), 11, SECOND), Conflict(_));
    refused!(throttle.change(Budget::rate(0, SECOND)), InvalidValue(_));
    let (slower, way) = (Budget::rate(5, SECOND), Transition::Over(60 * SECOND));
    refused!(
        throttle.change_gradually(Budget::Parallelism(1), way),
        InvalidValue(_)
    );
    throttle.change_gradually(slower, way)?;
    refused!(throttle.change_gradually(slower, way), Conflict(_));
    throttle.pause();
    refused!(throttle.wait_timeout(Duration::from_millis(5)), Timeout);
    ensure!(!throttle.try_turn()?, "a paused throttle gives a turn");
    // The budget of the first counts, whatever it was changed to.
    throttle.unlock();
    Throttle::rate(&"x".repeat(128), 10, SECOND)?.wait_timeout(SECOND)?;
    Ok(())
}

fn meetings() -> Result<()> {
    let soon = Duration::from_millis(5);
    let nobody: [&str; 0] = [];
    refused!(Meeting::of("b", 0), InvalidValue(_));
    refused!(Meeting::between("b", 0..=2), InvalidValue(_));
    let (least, most) = (3, 2);
    refused!(Meeting::between("b", least..=most), InvalidValue(_));
    refused!(Meeting::roles("b", nobody), InvalidValue(_));
    refused!(Meeting::of("", 1), InvalidName(_));
    refused!(
        Meeting::pairs("b").and_then(|pairs| pairs.join(b"", soon)),
        Impossible(_)
    );
    refused!(
        Meeting::roles("c", ["nobody"]).and_then(|roles| roles.join(b"", soon)),
        Impossible(_)
    );
    let alone = Meeting::of("d", 1)?;
    refused!(Meeting::all("d"), Conflict(_));
    refused!(alone.join(vec![0; (16 << 10) + 1], soon), TooLarge(_));
    let group = alone.join(vec![7; 16 << 10], soon)?;
    ensure!(group.me().data.len() == 16 << 10, "the data was cut");
    ensure!(group.partner().is_none(), "somebody else is here");
    Ok(())
}

fn messages() -> Result<()> {
    refused!(send(u64::MAX, b"hello"), NoRecipient);
    refused!(send_to_any("nobody", b"hello"), NoRecipient);
    refused!(send_to_role("nobody", b"hello"), NoRecipient);
    refused!(send(user::id(), vec![0; (16 << 10) + 1]), TooLarge(_));
    refused!(coordination::receive(Duration::from_millis(5)), Timeout);
    ensure!(
        coordination::try_receive().is_none(),
        "a message from nobody"
    );
    refused!(mark_sent(""), InvalidValue(_));
    refused!(mark_sent(&"x".repeat(257)), TooLarge(_));
    refused!(mark_sent_to("e", 0), InvalidValue(_));
    refused!(mark_received(""), InvalidValue(_));
    let id = format!("{}-{}", user::id(), user::iteration());
    mark_sent(&id)?;
    refused!(mark_sent(&id), Conflict(_));
    mark_received(&id)?;
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn iterate(&mut self) -> Result<()> {
        throttles()?;
        meetings()?;
        messages()
    }
}
