//! Takes turns of one throttle with all others, in every way there is, and may change it on the way.

use lt_sdk::coordination::{Budget, Throttle, Transition};
use lt_sdk::metrics::{Counter, Trend, Unit};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// What the throttle allows
    #[setting(
        default = "rate",
        allowed("rate", "interarrival", "parallelism", "unlimited")
    )]
    mode: String,
    /// Number of the rate, or places
    #[setting(default = 10)]
    count: u32,
    /// Interval of the rate, or time between two turns
    #[setting(default = "1s")]
    interval: Duration,
    /// How a turn is taken
    #[setting(
        default = "wait",
        allowed("wait", "timeout", "run", "permit", "queue", "try", "async")
    )]
    via: String,
    /// Longest wait of `timeout`
    #[setting(default = "10ms")]
    timeout: Duration,
    /// What user 1 does with the throttle before it takes its first turn
    #[setting(
        default = "nothing",
        allowed("nothing", "change", "over", "steps", "pause", "resume", "unlock")
    )]
    first: String,
}

struct Guest {
    options: Options,
    throttle: Throttle,
}

impl Guest {
    /// What user 1 does: the new rate is a hundred times the old one.
    fn meddle(&self) -> Result<()> {
        let faster = Budget::rate(u64::from(self.options.count) * 100, self.options.interval);
        match self.options.first.as_str() {
            "change" => self.throttle.change(faster)?,
            "over" => self
                .throttle
                .change_gradually(faster, Transition::Over(Duration::from_millis(500)))?,
            "steps" => self
                .throttle
                .change_gradually(faster, Transition::Steps(5, Duration::from_millis(100)))?,
            "pause" => self.throttle.pause(),
            "resume" => {
                self.throttle.pause();
                timing::sleep(Duration::from_millis(200));
                self.throttle.resume();
            }
            "unlock" => self.throttle.unlock(),
            _ => {}
        }
        Ok(())
    }

    /// One turn; false if there was none.
    async fn turn(&self) -> Result<bool> {
        let Self { options, throttle } = self;
        let work = || {
            timing::sleep(Duration::from_millis(1));
            Ok::<(), Error>(())
        };
        match options.via.as_str() {
            "wait" => {
                throttle.wait()?;
                work()?;
                throttle.release();
            }
            "timeout" => match throttle.permit_timeout(options.timeout) {
                Ok(_permit) => work()?,
                Err(error) if error.is_timeout() => return Ok(false),
                Err(error) => return Err(error.into()),
            },
            "run" => throttle.run(work)?,
            "permit" => {
                let _permit = throttle.permit()?;
                work()?;
            }
            "queue" => {
                let turn = throttle.queue()?;
                turn.subscribe().block();
                ensure!(turn.is_ready(), "a turn that came is not ready");
                turn.finish()?;
                work()?;
                throttle.release();
            }
            "try" => {
                if !throttle.try_turn()? {
                    return Ok(false);
                }
                work()?;
                throttle.release();
            }
            _ => {
                let _permit = throttle.permit_async().await?;
                work()?;
            }
        }
        Ok(true)
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        let budget = match options.mode.as_str() {
            "rate" => Budget::rate(u64::from(options.count), options.interval),
            "interarrival" => Budget::Interarrival(options.interval),
            "parallelism" => Budget::Parallelism(options.count),
            _ => Budget::Unlimited,
        };
        let throttle = Throttle::open("turns", budget)?;
        Ok(Self { options, throttle })
    }

    async fn iterate(&mut self, it: Iteration) -> Result<()> {
        if user::id() == 1 && it.number == 0 {
            self.meddle()?;
        }
        let start = timing::now();
        let came = match self.turn().await {
            Err(_) if user::should_stop() => return Ok(()),
            came => came?,
        };
        if came {
            Counter::open("turns")?.add(1)?;
            Trend::open_unit("waited", Unit::Time)?.add_duration(start.elapsed())?;
        } else {
            Counter::open("refused")?.add(1)?;
        }
        Ok(())
    }
}
