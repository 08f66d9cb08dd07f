//! What people with bad intentions, or broken programs, send to a served host: all of it is refused with a stable code, nothing
//! leaks, and a run that goes on meanwhile does not notice.

mod doors;
mod names;
mod runs;
mod uploads;

use lt_tests::results::Summary;
use lt_tests::serve::Answer;
use lt_tests::{Served, Serving};
use serde_json::json;

/// The token of these hosts: also what must not be told.
const TOKEN: &str = "the-token-that-nobody-is-told";
/// The scenario of the run that goes on.
const STEADY: &str = "steady";

/// A host with a token and a run of four users.
struct Busy {
    served: Served,
    run: String,
}

impl Busy {
    fn start(arguments: &str) -> Self {
        let served = Serving::new()
            .arguments(arguments)
            .with_token(TOKEN)
            .start();
        served.upload_as(STEADY, "timing_sleep");
        let spec = json!({"scenario": STEADY, "users": 4, "duration": "10m", "id": "steady-run"});
        let run = served.start_run(&spec);
        served.wait_for_run(&run, "its users are there", |run| {
            run["state"] == "running" && run["parts"][0]["users_active"] == 4
        });
        Self { served, run }
    }

    /// A refusal: of this status and code, and without anything that is nobody's business.
    #[track_caller]
    fn refused(&self, answer: Answer, status: u16, code: &str) -> Answer {
        let answer = answer.expect_refused(status, code);
        self.tells_nothing(&answer);
        let error = &answer.json()["error"];
        let message = error["message"].as_str().expect("a message");
        assert!(!message.is_empty(), "{answer}");
        answer
    }

    /// Neither paths of this machine nor the token.
    #[track_caller]
    fn tells_nothing(&self, answer: &Answer) {
        let text = answer.text();
        let directory = self.served.directory().display().to_string();
        for secret in [
            TOKEN,
            directory.as_str(),
            "root:x:",
            "/src/",
            "panicked at host",
        ] {
            assert!(!text.contains(secret), "{secret} is told: {answer}");
        }
    }

    /// The run has gone on all the time, with the users it had, and nothing of it failed.
    #[track_caller]
    fn undisturbed(self) {
        let run = self.served.run(&self.run);
        assert_eq!(run["state"], "running", "{run:#}");
        assert_eq!(run["parts"][0]["users_active"], 4, "{run:#}");
        let before = iterations(&run);
        self.served
            .wait_for_run(&self.run, "iterations go on", |run| {
                iterations(run) > before
            });
        self.served.stop_run(&self.run);
        let summary = Summary::read(&self.served.results(&self.run).join("summary.json"));
        assert_eq!(summary.failures_in_all(), 0);
        let status = self.served.get("/v1/status").expect(200).json();
        assert_eq!(status["uploads"]["running"], 0, "{status:#}");
    }
}

fn iterations(run: &serde_json::Value) -> u64 {
    run["parts"][0]["versions"][0]["iterations"]
        .as_u64()
        .expect("iterations are counted")
}
