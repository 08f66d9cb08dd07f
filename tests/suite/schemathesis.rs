//! The REST interface against its own description: schemathesis reads the OpenAPI document of a served host and calls everything in it, with
//! what fits and with what does not. No answer may be a fault of the host, and each must be one that the document has.

use std::process::Command;
use std::time::Duration;

use lt_tests::Serving;
use lt_tests::guests::repository;
use lt_tests::install::python;
use lt_tests::process::Process;
use serde_json::json;

const TOKEN: &str = "the-token-of-this-test";
/// What is held against each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,missing_required_header,unsupported_method,allow_header_conformance,ignored_auth";
/// Calls of each operation by chance: with the examples and the edges of every value that is over a thousand in all, in half a minute.
const EXAMPLES: &str = "10";
/// Whatever is found, is found again.
const SEED: &str = "7";
/// Time for all of it, below the limit that nextest sets a test: so that what was found is shown.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn the_interface_is_what_its_document_says() {
    let ours = repository().join("tests/peers/schemathesis");
    let requirements = ours.join("requirements.txt");
    let Some(python) = python("schemathesis", &requirements) else {
        return;
    };
    let served = Serving::new().with_token(TOKEN).start();
    served.upload_as("steady", "timing_sleep");
    let spec = json!({"scenario": "steady", "users": 2, "duration": "10m", "id": "steady-run"});
    let run = served.start_run(&spec);
    served.wait_until(&run, "running");
    let mut command = Command::new(python.with_file_name("st"));
    command
        .current_dir(served.directory())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", ours.join("hooks.py"))
        .args(["--no-color", "run", &served.url("/v1/openapi.json")])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--seed", SEED, "--max-examples", EXAMPLES, "--workers", "1"])
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
        .args(["--continue-on-failure", "--no-shrink"])
        // Streams of events have no end.
        .args(["--exclude-path-regex", "/events$"])
        .args(["--request-timeout", "20", "--suppress-health-check", "all"])
        .args(["--output-truncate", "false", "--warnings", "off"]);
    let finished = Process::start("schemathesis", &mut command).finish(LIMIT);
    assert!(
        finished.code == Some(0),
        "schemathesis ended with {:?}\n{}\n{}",
        finished.code,
        finished.stdout,
        finished.stderr
    );
    // Calls that fit may have stopped that run, and deleted it; the host takes the next as it took the first.
    served.upload_as("after", "timing_sleep");
    let spec = json!({"scenario": "after", "users": 2, "duration": "10m"});
    let run = served.start_run(&spec);
    served.wait_until(&run, "running");
}
