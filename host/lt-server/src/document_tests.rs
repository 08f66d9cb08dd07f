//! The OpenAPI document: a contract, and complete.

use super::document;
use super::testing::Server;

#[tokio::test]
async fn the_document_is_readable_and_its_page_needs_no_network() {
    let server = Server::new("docs");
    let document = server.get("/v1/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
    let page = server.get("/api-docs/").await;
    let text = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(text.contains("swagger-ui"), "{text}");
    assert!(
        !text.contains("http://") && !text.contains("https://"),
        "{text}"
    );
    let script = server.get("/api-docs/swagger-initializer.js").await;
    let script = String::from_utf8(script.bytes.to_vec()).unwrap();
    assert!(script.contains("/v1/openapi.json"), "{script}");
}

/// The document is a contract. `LT_BLESS=1 cargo test` takes what there is now.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told to take what there is"
)]
fn the_document_is_as_it_was() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/snapshots/openapi.json");
    let mut text = serde_json::to_string_pretty(&document("VERSION")).unwrap();
    text.push('\n');
    if std::env::var_os("LT_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == kept,
        "the document is not that of {}; LT_BLESS=1 takes it",
        path.display()
    );
}

#[test]
fn every_call_has_a_summary_a_tag_and_all_refusals() {
    let document = document("0.0.0");
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(
                call["summary"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{place} has no summary"
            );
            assert!(call["tags"][0].is_string(), "{place} has no tag");
            assert!(
                ids.insert(call["operationId"].as_str().unwrap().to_owned()),
                "{place}: its id is taken"
            );
            for status in ["400", "403", "404", "405", "413", "429", "500", "503"] {
                assert!(
                    call["responses"][status].is_object(),
                    "{place} lacks {status}"
                );
            }
            let parameters = call["parameters"].as_array().into_iter().flatten();
            for parameter in parameters {
                let kind = &parameter["schema"]["type"];
                assert!(kind.is_string() || kind.is_null(), "{place}: {parameter}");
            }
            let is_open = call.get("security").is_some();
            assert_eq!(call["responses"].get("401").is_none(), is_open, "{place}");
        }
    }
    assert!(ids.len() >= 9, "{ids:?}");
}
