//! What a served host keeps: scenarios, their versions, files; over uploads, restarts, and damage.

use std::fs;

use lt_tests::certificates::Authority;
use lt_tests::guests::guest;
use lt_tests::host::LtHost;
use lt_tests::peers::HttpPeer;
use lt_tests::{Served, Serving};
use serde_json::{Value, json};

const NAME: &str = "/v1/scenarios/swap";

fn bytes(name: &str) -> Vec<u8> {
    fs::read(guest(name)).unwrap()
}

fn digest(scenario: &Value) -> String {
    scenario["digest"].as_str().unwrap().to_owned()
}

#[test]
fn versions_are_kept_told_apart_and_rolled_back() {
    let mut served = Served::start();
    let put = |served: &Served, name: &str| served.put(NAME, "application/wasm", &bytes(name));
    let first = put(&served, "swap_one").expect(201);
    assert_eq!(first.header("location"), Some(NAME));
    let one = digest(&first.json());
    assert_eq!(first.header("etag"), Some(format!("\"{one}\"").as_str()));
    let again = put(&served, "swap_one").expect(200).json();
    assert_eq!(again["versions"].as_array().unwrap().len(), 1, "{again}");
    let two = digest(&put(&served, "swap_two").expect(200).json());

    let shown = served.get(NAME).expect(200).json();
    assert_eq!(
        (&shown["digest"], &shown["version"]),
        (&json!(two), &json!("2.0.0"))
    );
    let current: Vec<bool> = shown["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["current"].as_bool().unwrap())
        .collect();
    assert_eq!(current, [false, true]);
    let settings = shown["settings"].as_array().unwrap();
    let depth = settings
        .iter()
        .find(|setting| setting["name"] == "depth")
        .unwrap();
    assert_eq!(
        (&depth["default"], &depth["live"], &depth["maximum"]),
        (&json!("7"), &json!(true), &json!("1000"))
    );

    let wasm = served
        .get(&format!("{NAME}/wasm?digest={}", &one[..8]))
        .expect(200);
    assert_eq!(wasm.body, bytes("swap_one"));
    assert_eq!(wasm.header("content-type"), Some("application/wasm"));

    served.restart();
    assert_eq!(
        served.get(NAME).expect(200).json(),
        shown,
        "a restart changed something"
    );
    let back = served
        .post(&format!("{NAME}/rollback"), &json!({}))
        .expect(200)
        .json();
    assert_eq!(digest(&back), one);
    served
        .delete(&format!("{NAME}?digest={one}"))
        .expect_refused(409, "conflict");
    let stale = served
        .call("PUT", NAME)
        .header("if-match", &format!("\"{two}\""));
    stale
        .body("application/wasm", &bytes("swap_two"))
        .send()
        .expect_refused(409, "stale_version");
    served.delete(&format!("{NAME}?digest={two}")).expect(204);
    served
        .get(&format!("{NAME}/wasm?digest={two}"))
        .expect_refused(404, "not_found");
    served
        .post(&format!("{NAME}/rollback"), &json!({}))
        .expect_refused(409, "conflict");
    served.delete(NAME).expect(204);
    served.get(NAME).expect_refused(404, "not_found");
    assert_eq!(
        fs::read_dir(served.data().join("blobs/sha256"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_form_is_as_good_as_a_body_and_a_wrong_digest_is_told() {
    let served = Served::start();
    let wasm = bytes("swap_one");
    let mut form = b"--x\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--x\r\ncontent-disposition: form-data; \
        name=\"file\"; filename=\"a.wasm\"\r\ncontent-type: application/wasm\r\n\r\n".to_vec();
    form.extend_from_slice(&wasm);
    form.extend_from_slice(b"\r\n--x--\r\n");
    let sent = served
        .put(NAME, "multipart/form-data; boundary=x", &form)
        .expect(201)
        .json();
    assert_eq!(sent["size_bytes"], json!(wasm.len()));
    assert_eq!(served.get(&format!("{NAME}/wasm")).body, wasm);
    let wrong = served
        .call("PUT", NAME)
        .header("x-content-sha256", &"0".repeat(64));
    let wrong = wrong
        .body("application/wasm", &wasm)
        .send()
        .expect_refused(422, "invalid");
    assert!(wrong.text().contains(&digest(&sent)), "{wrong}");
}

#[test]
fn a_version_that_a_run_uses_stays() {
    let (served, peer) = (Served::start(), HttpPeer::always("page"));
    let one = digest(&served.upload_as("swap", "swap_one"));
    let id = served.start_run(&json!({
        "scenario": "swap", "users": 1, "duration": "10m", "settings": { "url": peer.url(""), "pause": "100ms" },
    }));
    served.upload_as("swap", "swap_two");
    for path in [NAME.to_owned(), format!("{NAME}?digest={one}")] {
        let refused = served.delete(&path).expect_refused(409, "conflict");
        assert!(refused.text().contains(&one[..8]), "{refused}");
    }
    served.stop_run(&id);
    served.delete(NAME).expect(204);
}

#[test]
fn what_was_damaged_is_set_aside_and_the_rest_is_served() {
    let mut served = Served::start();
    let lost = digest(&served.upload_as("lost", "swap_one"));
    let changed = digest(&served.upload_as("changed", "swap_two"));
    served.upload_as("good", "swap_needy");
    served.kill9();
    let blobs = served.data().join("blobs/sha256");
    fs::remove_file(blobs.join(lost)).unwrap();
    let mut bytes = fs::read(blobs.join(&changed)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(blobs.join(&changed), bytes).unwrap();
    fs::write(served.data().join("scenarios/torn.json"), "{\"current\":").unwrap();
    fs::write(served.data().join("tmp/0"), "half an upload").unwrap();
    // Compiled code is not taken for the bytes it was made of.
    served.restart();
    let told = served.get("/v1/scenarios").expect(200).json();
    let names: Vec<&str> = told["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["changed", "good"]);
    assert!(served.data().join("damaged/torn.json").exists());
    assert_eq!(fs::read_dir(served.data().join("tmp")).unwrap().count(), 0);
    let run =
        json!({ "scenario": "changed", "users": 1, "settings": { "url": "http://127.0.0.1:1/" } });
    served
        .post("/v1/runs", &run)
        .expect_refused(500, "internal");
    // Uploaded again, it is whole again.
    served.upload_as("lost", "swap_one");
}

#[test]
fn one_host_a_directory_and_a_second_one_is_told() {
    let served = Served::start();
    let taken = served.data().display().to_string();
    LtHost::new(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &taken])
        .finish()
        .expect_code(104)
        .expect_text("another lt-host serves from this directory");
}

#[test]
fn anywhere_but_on_loopback_a_token_is_demanded() {
    LtHost::new(&["serve", "--listen", "0.0.0.0:0"])
        .finish()
        .expect_code(104)
        .expect_text("--new-token");
    let mut everywhere = LtHost::new(&["serve", "--listen", "0.0.0.0:0"])
        .variable("LT_TOKEN", "a-token-of-some-length")
        .start();
    let told = everywhere.wait_for_text("listening on http://0.0.0.0:");
    let url = format!("http://127.0.0.1:{}", told.trim());
    let status = || LtHost::new(&["status", "--to", &url]);
    let with = |token: &str| status().variable("LT_TOKEN", token).finish();
    with("a-token-of-some-length").expect_code(0);
    with("another-token-of-some-length").expect_text("token");
    status().finish().expect_text("LT_TOKEN");
    everywhere.interrupt();
    everywhere.finish().expect_code(0);
}

#[test]
fn over_tls_it_is_the_same_host() {
    let authority = Authority::new("an authority");
    let leaf = authority.server(&["127.0.0.1"]);
    let serving = Serving::new().arguments("--tls-cert cert.pem --tls-key key.pem");
    serving.file("cert.pem", &leaf.certificate);
    serving.file("key.pem", &leaf.key);
    let trusted = serving.file("authority.pem", authority.pem());
    let served = serving.start();
    let url = served.url("");
    assert!(url.starts_with("https://"), "{url}");
    LtHost::new(&["status", "--to", &url, "--json", "--to-ca-cert"])
        .argument(&trusted)
        .finish()
        .expect_code(0)
        .expect_text("allow_targets");
    // Whoever does not know the authority does not speak to it.
    LtHost::new(&["status", "--to", &url])
        .finish()
        .expect_code(110);
}

#[test]
fn it_ends_when_asked_and_its_runs_with_it() {
    let (mut served, peer) = (Served::start(), HttpPeer::always("page"));
    served.upload_as("swap", "swap_one");
    let id = served.start_run(&json!({
        "scenario": "swap", "users": 3, "duration": "10m", "settings": { "url": peer.url(""), "pause": "10ms" },
    }));
    served.wait_for_run(&id, "iterations", |run| {
        run["parts"][0]["versions"][0]["iterations"].as_u64() > Some(3)
    });
    served.end();
    let summary = fs::read_to_string(served.results(&id).join("summary.json")).unwrap();
    assert!(serde_json::from_str::<Value>(&summary).is_ok(), "{summary}");
    served.restart();
    let run = served.run(&id);
    assert_eq!(
        (&run["state"], &run["verdict"]["exit_code"]),
        (&json!("ended"), &json!(105)),
        "{run:#}"
    );
}
