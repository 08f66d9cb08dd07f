//! The shortest scenario, and by a path instead of an import.

#[derive(Default)]
struct Shortest;

#[lt_sdk::scenario]
impl lt_sdk::Scenario for Shortest {
    fn iterate(&mut self) {
        if lt_sdk::user::should_stop() {
            return;
        }
        lt_sdk::timing::sleep(lt_sdk::timing::Duration::from_secs(1));
    }
}

fn main() {}
