//! Does several things at a time in `async` style.

use lt_sdk::prelude::*;
use lt_test_programs::Peer;

struct Guest(Peer);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    async fn iterate(&mut self) -> Result<()> {
        let get = |delay: u64| http::get(format!("{}/after?ms={delay}", self.0.url)).name("after");
        let began = timing::now();
        let (a, b, c) = join!(get(200).send_async(), get(200).send_async(), async {
            timing::sleep_async(Duration::from_millis(100)).await;
            get(100).await
        });
        ensure!(
            a?.text()? == "after 200" && b?.text()? == "after 200" && c?.text()? == "after 100",
            "another answer"
        );
        let took = began.elapsed();
        metrics::Trend::open_unit("joined", metrics::Unit::Time)?.add_duration(took)?;
        ensure!(
            took >= Duration::from_millis(200),
            "the server's delay was not waited for"
        );

        let first = select! {
            answer = get(30_000).send_async() => answer?.text()?,
            answer = get(50).send_async() => answer?.text()?,
        };
        ensure!(first == "after 50", "first came {first:?}");
        let late = futures::timeout(get(30_000).send_async(), Duration::from_millis(50)).await;
        ensure!(late.is_err(), "the time did not run out");
        let all = futures::join_all((1..=5).map(|number| get(number * 10).send_async())).await;
        for (number, answer) in (1..).zip(all) {
            ensure!(
                answer?.text()? == format!("after {}", number * 10),
                "in another order"
            );
        }
        Ok(())
    }
}
