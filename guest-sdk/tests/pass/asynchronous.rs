//! Every function that can be `async`, with early returns and `?`.

use lt_sdk::prelude::*;

struct Asynchronous(u64);

#[lt_sdk::scenario]
impl Scenario for Asynchronous {
    async fn init() -> Result<Vec<u8>> {
        timing::sleep_async(Duration::from_millis(1)).await;
        Ok(vec![1])
    }

    async fn join(user: &User) -> Result<Self> {
        if user.id == 0 {
            return Err(Error::abort_run("users count from 1"));
        }
        Ok(Self(user.id))
    }

    async fn iterate(&mut self, it: Iteration) {
        if it.number == 3 {
            return;
        }
        self.0 += 1;
        let page = http::get("http://127.0.0.1:8080/").send_async();
        let _ = futures::timeout(page, Duration::from_secs(1)).await;
    }

    async fn leave(self) {
        select! {
            () = timing::sleep_async(Duration::from_secs(1)) => (),
            () = std::future::ready(()) => (),
        }
    }

    async fn terminate(_state: &[u8]) -> Result<()> {
        http::delete("http://127.0.0.1:8080/users").await?.error_for_status()?;
        Ok(())
    }
}

fn main() {
    let _ = Asynchronous(0);
}
