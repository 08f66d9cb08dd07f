//! Writes a line of each level, and to both standard streams.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn iterate(&mut self) {
        log::trace!("line of level trace");
        log::debug!("line of level debug");
        log::info!("line of level info");
        log::warn!("line of level warn");
        log::error!("line of level error {}", 7);
        println!("line on stdout");
        eprintln!("line on stderr");
    }
}
