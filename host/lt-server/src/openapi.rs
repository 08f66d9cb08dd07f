//! The document that describes all calls, made from their handlers, and the page that shows it without a network.

use std::collections::BTreeSet;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::AppState;
use crate::error::Code;

/// Where the document is.
pub(crate) const PATH: &str = "/v1/openapi.json";
/// The page that shows it: its scripts are files of its own, its styles and pictures are partly inline.
const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What the document says of itself.
const ABOUT: &str = "Upload scenarios, run load tests with them, steer them while they run: add and remove users, change rates and \
     settings, swap the code, and watch.\n\n\
     Every refusal is `{\"error\": {\"code\", \"message\", \"remedy\", \"problems\"}}`; codes are stable. Runs have a `revision` and \
     scenarios a `digest`, told as `ETag`; a call that changes something may send it back as `If-Match`. A POST may carry an \
     `Idempotency-Key`: repeated within a day it gets the first answer.";
/// Media types that are bytes.
const BINARY: [&str; 2] = ["application/wasm", "application/octet-stream"];
/// Methods of a path in the document.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// The document: what the handlers say, and what all of them have in common.
pub(crate) fn document(described: &OpenApi, version: &str) -> Value {
    let mut document = serde_json::to_value(described).unwrap_or_default();
    // The newest version that readers of such documents know in practice.
    set(&mut document, "openapi", json!("3.1.0"));
    set(
        &mut document,
        "info",
        json!({"title": "lt-host", "version": version, "description": ABOUT, "license": {"name": "Apache-2.0"}}),
    );
    set(&mut document, "servers", json!([{"url": "/"}]));
    set(&mut document, "security", json!([{"token": []}]));
    set(
        &mut document,
        "tags",
        json!([
            {"name": "scenarios", "description": "Uploaded components and their versions"},
            {"name": "files", "description": "Assets and feeders of runs"},
            {"name": "runs", "description": "Creating, following, results"},
            {"name": "steering", "description": "Changing a run while it goes on: users, load, settings, code"},
            {"name": "host", "description": "The host itself"},
        ]),
    );
    let components = child(&mut document, "components");
    set(
        child(components, "securitySchemes"),
        "token",
        json!({"type": "http", "scheme": "bearer", "description": "The token that the host was started with; none if it has none."}),
    );
    let schemas = child(components, "schemas");
    for (name, schema) in refusal_schemas() {
        set(schemas, &name, schema);
    }
    for (path, item) in entries(child(&mut document, "paths")) {
        for (method, operation) in entries(item) {
            if METHODS.contains(&method.as_str()) {
                complete(operation);
                common_headers(operation, path, method);
            }
        }
    }
    document
}

/// Bytes are bytes, not lists of numbers; and the refusals that every call may meet, where the handler says nothing of its own.
fn complete(operation: &mut Value) {
    binary(operation.get_mut("requestBody"));
    for (_, response) in entries(child(operation, "responses")) {
        binary(Some(response));
    }
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        never_null(child(parameter, "schema"));
    }
    let is_open = operation.get("security").is_some();
    let responses = child(operation, "responses");
    let statuses: BTreeSet<u16> = Code::ALL
        .iter()
        .map(|code| code.status().as_u16())
        .collect();
    for status in statuses {
        if (status == 401 && is_open) || responses.get(status.to_string()).is_some() {
            continue;
        }
        let response = refusal(status);
        set(responses, &status.to_string(), response);
    }
}

/// Headers that a layer or an extractor takes of many calls, where the handler does not tell of them.
fn common_headers(operation: &mut Value, path: &str, method: &str) {
    if method != "post" {
        return;
    }
    let key = "Names this call: repeated with the same key within a day, it gets the first answer";
    offer_header(operation, "Idempotency-Key", key);
    // Everything that is sent to a run changes it.
    if path.starts_with("/v1/runs/") {
        let revision = "Its revision, as the caller has seen it";
        offer_header(operation, "If-Match", revision);
    }
}

fn offer_header(operation: &mut Value, name: &str, description: &str) {
    let parameters = child(operation, "parameters");
    if !parameters.is_array() {
        *parameters = json!([]);
    }
    let Some(parameters) = parameters.as_array_mut() else {
        return;
    };
    if parameters.iter().any(|known| known["name"] == name) {
        return;
    }
    parameters.push(json!({
        "name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"},
    }));
}

/// A parameter is there or not: there is no null in a URL or a header.
fn never_null(schema: &mut Value) {
    let Some(Value::Array(types)) = schema.get_mut("type") else {
        return;
    };
    types.retain(|one| one != "null");
    if let [only] = types.as_slice() {
        let only = only.clone();
        set(schema, "type", only);
    }
}

/// Say of contents that are bytes that they are.
fn binary(described: Option<&mut Value>) {
    let contents = described.and_then(|described| described.get_mut("content"));
    for (media_type, content) in contents.into_iter().flat_map(entries) {
        if BINARY.contains(&media_type.as_str()) {
            set(
                content,
                "schema",
                json!({"type": "string", "format": "binary"}),
            );
        }
    }
}

/// A refusal in the document.
fn refusal(status: u16) -> Value {
    let codes = Code::ALL
        .iter()
        .filter(|code| code.status().as_u16() == status);
    let codes: Vec<String> = codes
        .map(|code| serde_json::to_value(code).unwrap_or_default())
        .map(|code| format!("`{}`", code.as_str().unwrap_or_default()))
        .collect();
    json!({
        "description": codes.join(" or "),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
    })
}

/// Schemas of the refusals, also where no handler names them.
fn refusal_schemas() -> Vec<(String, Value)> {
    use utoipa::{PartialSchema, ToSchema};
    fn one<T: ToSchema + PartialSchema>() -> (String, Value) {
        let schema = serde_json::to_value(T::schema()).unwrap_or_default();
        (T::name().into_owned(), schema)
    }
    vec![
        one::<crate::error::ErrorBody>(),
        one::<crate::error::ErrorDetail>(),
        one::<crate::error::FieldProblem>(),
        one::<Code>(),
    ]
}

/// The value of a name in an object, made if it is not there.
fn child<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    &mut value[name]
}

fn set(value: &mut Value, name: &str, to: Value) {
    *child(value, name) = to;
}

fn entries(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// The routes of the document and of its page.
pub(crate) fn routes(document: &Value) -> Router<AppState> {
    let text = document.to_string();
    let json = [(header::CONTENT_TYPE, "application/json")];
    let page: Router<AppState> = SwaggerUi::new("/api-docs")
        .config(Config::new([PATH]))
        .into();
    Router::new()
        .route(PATH, get(move || async move { (json, text) }))
        .merge(page.layer(map_response(sealed)))
}

async fn sealed(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(PAGE_CSP);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
