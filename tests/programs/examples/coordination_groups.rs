//! Meets in groups of a size, a range of sizes, or by role, and tells what they were.

use lt_sdk::coordination::{Error as CoordinationError, Meeting};
use lt_sdk::metrics::{Counter, Trend};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// What the meeting asks for
    #[setting(default = "of", allowed("of", "between", "roles"))]
    mode: String,
    /// Size, or smallest size
    #[setting(default = 3)]
    least: u32,
    /// Largest size
    #[setting(default = 5)]
    most: u32,
    /// How long to wait
    #[setting(default = "500ms")]
    timeout: Duration,
    /// This user resets the meeting instead of joining it; 0 is nobody
    #[setting(default = 0)]
    resets: u64,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.role("buyer", "buys", Share::Weight(2))
            .role("seller", "sells", Share::Weight(1))
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.0;
        let sizes = options.least..=options.most;
        let meeting = match options.mode.as_str() {
            "of" => Meeting::of("groups", options.least)?,
            "between" => Meeting::between("groups", sizes.clone())?,
            _ => Meeting::roles("groups", ["buyer", "buyer", "seller"])?,
        };
        if options.resets == user::id() {
            timing::sleep(options.timeout / 2);
            meeting.reset();
            return Ok(());
        }
        let group = match meeting.join(user::role(), options.timeout) {
            Err(CoordinationError::Timeout) => return Ok(Counter::open("timed_out")?.add(1)?),
            Err(CoordinationError::Reset) => return Ok(Counter::open("were_reset")?.add(1)?),
            group => group?,
        };
        Counter::open("met")?.add(1)?;
        let size = u32::try_from(group.size())?;
        if group.position() == 0 {
            Counter::open("groups")?.add_tagged(1, &[("size", &size.to_string())])?;
            Trend::open("group_size")?.add(f64::from(size))?;
        }
        check!("the role is what was brought", {
            group
                .members()
                .all(|member| options.mode != "roles" || member.text() == Some(&member.role))
        });
        let fits = match options.mode.as_str() {
            "of" => size == options.least,
            "between" => sizes.contains(&size),
            _ => {
                let playing = |role| group.members().filter(|member| member.role == role).count();
                (playing("buyer"), playing("seller")) == (2, 1)
            }
        };
        check!("the group is what was asked for", fits);
        Ok(())
    }
}
