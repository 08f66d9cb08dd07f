//! Concludes something in `init` and `terminate`, where lines are kept, and in an iteration, where none is.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn init() -> Result<Vec<u8>> {
        log::conclude("begun");
        Ok(Vec::new())
    }

    fn iterate(&mut self) {
        log::conclude("unheard");
    }

    fn terminate() -> Result<()> {
        log::conclude("{\"sessions\":1,\n\"errors\":{}}");
        Ok(())
    }
}
