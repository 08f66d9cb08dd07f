//! Writes to others: by id round a ring, to one or to all of a role, and into a mailbox until it is full.

use lt_sdk::coordination::{Error as CoordinationError, Meeting};
use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Whom to write to
    #[setting(default = "id", allowed("id", "any", "all", "full"))]
    to: String,
    /// Messages that each writer writes
    #[setting(default = 10)]
    messages: u32,
}

struct Guest {
    options: Options,
    users: u32,
}

const LIMIT: Duration = Duration::from_secs(10);

impl Guest {
    /// To the user with the next id; the last writes to the first.
    fn ring(&self) -> Result<()> {
        let (me, users) = (user::id(), u64::from(self.users));
        for number in 0..self.options.messages {
            coordination::send(me % users + 1, number.to_string())?;
        }
        for number in 0..self.options.messages {
            let message = coordination::receive(LIMIT)?;
            check!(
                "from the user before, in order",
                message.sender % users + 1 == me && message.text() == Some(&number.to_string())
            );
            check!(
                "it arrived before it was read",
                message.arrived <= timing::now()
            );
            Counter::open("received")?.add(1)?;
        }
        Ok(())
    }

    /// The boss writes jobs and says `done` to everybody; workers count theirs.
    fn jobs(&self) -> Result<()> {
        if user::role() == "boss" {
            for _ in 0..self.options.messages {
                if self.options.to == "any" {
                    coordination::send_to_any("worker", "job")?;
                } else {
                    let reached = coordination::send_to_role("worker", "job")?;
                    check!("it reached every worker", reached == self.users - 1);
                }
            }
            coordination::send_to_role("worker", "done")?;
            return Ok(());
        }
        let me = user::id().to_string();
        while coordination::receive(LIMIT)?.text() == Some("job") {
            Counter::open("received")?.add_tagged(1, &[("user", &me)])?;
        }
        check!(
            "nothing came after the end",
            coordination::try_receive().is_none()
        );
        Ok(())
    }
}

/// To itself, until the mailbox is full.
fn fill() -> Result<()> {
    let me = user::id();
    let mut accepted = 0_u32;
    loop {
        match coordination::send(me, accepted.to_string()) {
            Ok(()) => accepted += 1,
            Err(CoordinationError::MailboxFull) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Counter::open("accepted")?.add(accepted)?;
    for number in 0..accepted {
        let message = coordination::try_receive().context("a message is gone")?;
        check!("in order", message.text() == Some(&number.to_string()));
    }
    check!(
        "no more than were sent",
        coordination::try_receive().is_none()
    );
    // There is room again.
    coordination::send(me, "again")?;
    ensure!(coordination::receive(LIMIT)?.sender == me, "not from me");
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.role("boss", "has jobs", Share::Count(1))
            .role("worker", "does them", Share::Weight(1))
    }

    fn init(run: &RunInfo) -> Result<Vec<u8>> {
        Ok(run.users.to_string().into_bytes())
    }

    fn join(_user: &User, options: Options, state: &[u8]) -> Result<Self> {
        let users = std::str::from_utf8(state)?.parse()?;
        Ok(Self { options, users })
    }

    fn iterate(&mut self) -> Result<()> {
        // Nobody writes before everybody is there to read, and nobody ends before everybody has read.
        Meeting::of("ready", self.users)?.join(b"", LIMIT)?;
        match self.options.to.as_str() {
            "id" => self.ring()?,
            "full" => fill()?,
            _ => self.jobs()?,
        }
        Meeting::of("done", self.users)?.join(b"", LIMIT)?;
        Ok(())
    }
}
