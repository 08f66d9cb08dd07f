//! Sends to an audience of which one user goes, in one way or another, before it has received anything.

use std::mem::ManuallyDrop;

use lt_sdk::coordination::{
    Audience, Error as CoordinationError, Meeting, mark_received, mark_sent,
};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// What user 2 does between sending and receiving
    #[setting(
        default = "receives",
        allowed(
            "receives",
            "leaves",
            "is-cut-off",
            "drops",
            "ends",
            "waits",
            "is-absent"
        )
    )]
    second_user: String,
    /// Whether the sender is to receive it too
    #[setting(default = true)]
    sender_too: bool,
}

struct Guest {
    options: Options,
    users: u32,
}

const LIMIT: Duration = Duration::from_secs(30);
const ID: &str = "the only message";

impl Guest {
    fn meet(&self, name: &str) -> Result<()> {
        Meeting::of(name, self.users)?.join(b"", LIMIT)?;
        Ok(())
    }

    fn send(&self, room: &Audience) -> Result<()> {
        let absent = u32::from(self.options.second_user == "is-absent");
        check!(
            "those who entered are present",
            room.present() == self.users - absent
        );
        let recipients = if self.options.sender_too {
            room.mark_sent(ID)?
        } else {
            room.mark_sent_to_others(ID)?
        };
        let sender = u32::from(!self.options.sender_too);
        check!(
            "all present are to get it",
            recipients == self.users - absent - sender
        );
        let twice = room.mark_sent(ID);
        check!(
            "an id is sent once",
            matches!(twice, Err(CoordinationError::Conflict(_)))
        );
        let twice = mark_sent(ID);
        check!(
            "by whatever way",
            matches!(twice, Err(CoordinationError::Conflict(_)))
        );
        check!("an id is not empty", room.mark_sent("").is_err());
        Ok(())
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn init(run: &RunInfo) -> Result<Vec<u8>> {
        Ok(run.users.to_string().into_bytes())
    }

    fn join(_user: &User, options: Options, state: &[u8]) -> Result<Self> {
        let users = std::str::from_utf8(state)?.parse()?;
        Ok(Self { options, users })
    }

    fn iterate(&mut self) -> Result<()> {
        let mut room = Audience::open("room")?;
        let fate = match user::id() {
            2 => self.options.second_user.as_str(),
            _ => "receives",
        };
        if fate != "is-absent" {
            room.enter()?;
            // Opened again: the older handle goes when the newer one has entered, and the user stays.
            room = {
                let again = Audience::open("room")?;
                again.enter()?;
                again
            };
        }
        self.meet("present")?;
        if user::id() == 1 {
            self.send(&room)?;
        }
        self.meet("sent")?;
        match fate {
            "leaves" => room.leave(),
            "is-cut-off" => room.cut_off(),
            "drops" => drop(room),
            "ends" => {
                // Never dropped: the user's end ends it.
                let _room = ManuallyDrop::new(room);
                user::stop_self();
            }
            "waits" => {}
            _ if user::id() == 1 && !self.options.sender_too => {}
            _ => drop(mark_received(ID)?),
        }
        // Nobody's end is to look as if it had left.
        self.meet("done")
    }
}
