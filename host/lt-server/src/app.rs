//! The parts joined: what all handlers share, the routes, and the layers around them.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use lt_runtime::Engine;
use lt_spec::limits::{API_REQUEST_TIMEOUT, API_REQUESTS_MAX};
use serde_json::Value;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::Denied;
use crate::blobs::Blobs;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::error::{ApiError, Code};
use crate::files::Files;
use crate::idempotency::Answers;
use crate::runs::Runs;
use crate::scenarios::Scenarios;
use crate::uploads::Uploads;
use crate::{auth, guard, health, idempotency, openapi, page_files};

/// What all handlers share (`State(app): State<AppState>`). Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// What the server was told when it started.
    pub config: Arc<Config>,
    /// The engine of the process, hardened: all runs share it.
    pub engine: Engine,
    /// Uploaded scenarios and their versions.
    pub scenarios: Scenarios,
    /// Uploaded files: assets and feeders.
    pub files: Files,
    /// Runs: under way, and history.
    pub runs: Runs,
    /// Uploads under way.
    pub uploads: Uploads,
    /// Answers to calls that may be repeated.
    pub answers: Answers,
    /// Callers with a wrong token.
    pub denied: Denied,
    /// Places for requests that are worked on.
    pub places: Arc<Semaphore>,
}

impl AppState {
    /// Read what a data directory has.
    ///
    /// # Errors
    /// If it cannot be read or written, or the system gives no thread.
    pub fn open(
        config: Config,
        engine: Engine,
        data: &DataDir,
        blobs: &Blobs,
    ) -> std::io::Result<Self> {
        let scenarios = Scenarios::open(data, blobs, engine.clone(), config.now_unix_ns)?;
        let files = Files::open(data, blobs, config.now_unix_ns)?;
        // All names are known now: what none of them has is left from a crash.
        blobs.sweep();
        Ok(Self {
            engine,
            scenarios,
            files,
            runs: Runs::open(&config)?,
            uploads: Uploads::new(config.limits.uploads_max),
            answers: Answers::default(),
            denied: Denied::default(),
            places: Arc::new(Semaphore::new(API_REQUESTS_MAX)),
            config: Arc::new(config),
        })
    }
}

/// All routes that the document describes: one line a module. Paths are written out in full in each handler's
/// `#[utoipa::path]`, so that document and routing cannot differ.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .merge(crate::scenarios::routes())
        .merge(crate::files::routes())
        .merge(crate::runs::routes())
        .merge(health::routes())
}

/// The document that describes all calls (OpenAPI 3.1).
#[must_use]
pub fn document(version: &str) -> Value {
    openapi::document(routes().get_openapi(), version)
}

/// The whole server as one service. From the outside in: a panic becomes an answer; headers are put on; names and sites
/// that are not ours are refused; the token is asked for; there is a bound on what is worked on, and for how long;
/// repeated calls are answered as before.
pub fn router(app: AppState) -> Router {
    let (router, described) = routes().split_for_parts();
    let document = openapi::document(&described, &app.config.version);
    let router = router
        .merge(openapi::routes(&document))
        .merge(page_files::routes());
    layered(router, app)
}

/// What stands around all handlers.
fn layered(router: Router<AppState>, app: AppState) -> Router {
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        // Every body is read by `body::Incoming`, which has a bound of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), idempotency::replay))
        .layer(from_fn_with_state(app.clone(), in_time))
        .layer(from_fn_with_state(app.clone(), auth::demand))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .layer(from_fn(guard::seal))
        .layer(CatchPanicLayer::custom(after_panic))
        .with_state(app)
}

async fn nothing_here(uri: Uri) -> ApiError {
    ApiError::not_found("resource", uri.path()).remedy("/api-docs shows what there is")
}

async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(Code::MethodNotAllowed, message).remedy("the header Allow says what it takes")
}

/// Work on so many requests at a time, and on none for too long. Uploads have bounds of their own: on their number, and
/// on how slowly they may come. Streams of events take no time here: only their beginning does.
async fn in_time(State(app): State<AppState>, request: Request, next: Next) -> Response {
    if request.method() == Method::PUT {
        return next.run(request).await;
    }
    let Ok(_place) = app.places.clone().try_acquire_owned() else {
        return ApiError::too_many("too many requests at a time", 1).into_response();
    };
    let path = request.uri().path().to_owned();
    match tokio::time::timeout(API_REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            ApiError::internal(format!("{path} took over {API_REQUEST_TIMEOUT:?}")).into_response()
        }
    }
}

/// A fault of ours ends one request, and its text goes to the log.
fn after_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    ApiError::internal(format!("panic: {}", text.unwrap_or("no text"))).into_response()
}

#[cfg(test)]
#[path = "app_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "document_tests.rs"]
mod document_tests;

#[cfg(test)]
pub(crate) mod testing {
    //! What tests of handlers need: a directory, a configuration, and a server without a network.

    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::body::Body;
    use axum::http::{HeaderMap, StatusCode};
    use lt_runtime::EngineOptions;
    use lt_spec::target::AllowedTargets;
    use tower::ServiceExt;

    use super::*;
    use crate::blobs::Blobs;
    use crate::config::Limits;
    use crate::data_dir::DataDir;

    /// A directory of one test, removed with it.
    pub(crate) struct Scratch(PathBuf);

    impl Scratch {
        pub(crate) fn new(test: &str) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("lt-server-{test}-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _gone = std::fs::remove_dir_all(&self.0);
        }
    }

    /// A host on loopback without a token, whose directory must be set.
    pub(crate) fn config() -> Config {
        Config {
            listen: "127.0.0.1:7070".parse().unwrap(),
            host_names: Vec::new(),
            token: None,
            data_dir: PathBuf::new(),
            limits: Limits {
                users_max: 1000,
                runs_max: 2,
                uploads_max: 2,
                user_memory_bytes: 2 << 20,
            },
            allow_targets: Arc::new(AllowedTargets::loopback()),
            graphite_url: None,
            node: "host-1".to_owned(),
            version: "0.0.0".to_owned(),
            random: || 7,
            now_unix_ns: || 1_614_173_830_000_000_000,
        }
    }

    /// A server in a directory.
    pub(crate) struct Server {
        pub(crate) app: AppState,
        /// Held as long as the server lives.
        data: Option<DataDir>,
        pub(crate) scratch: Scratch,
    }

    /// An answer, read whole.
    pub(crate) struct Answer {
        pub(crate) status: StatusCode,
        pub(crate) headers: HeaderMap,
        pub(crate) body: Value,
        pub(crate) bytes: axum::body::Bytes,
    }

    impl Answer {
        pub(crate) fn code(&self) -> &str {
            self.body["error"]["code"].as_str().unwrap_or("none")
        }

        pub(crate) fn header(&self, name: &str) -> &str {
            let value = self.headers.get(name);
            value.map_or("", |value| value.to_str().unwrap())
        }
    }

    impl Server {
        pub(crate) fn new(test: &str) -> Self {
            Self::with(test, |_| {})
        }

        pub(crate) fn with(test: &str, change: impl FnOnce(&mut Config)) -> Self {
            let scratch = Scratch::new(test);
            let mut config = config();
            config.data_dir = scratch.path().join("data");
            change(&mut config);
            let (app, data) = Self::open(config);
            Self {
                app,
                data: Some(data),
                scratch,
            }
        }

        /// End it and start it anew.
        pub(crate) fn restart(&mut self) {
            let config = Config::clone(&self.app.config);
            self.data = None;
            // Its directory is free once nobody refers to it any more.
            let elsewhere = self.scratch.path().join("elsewhere");
            let (other, _) = Self::open(Config {
                data_dir: elsewhere,
                ..config.clone()
            });
            self.app = other;
            let (app, data) = Self::open(config);
            self.app = app;
            self.data = Some(data);
        }

        fn open(config: Config) -> (AppState, DataDir) {
            let options = EngineOptions {
                users_max: 1,
                user_memory_bytes: config.limits.user_memory_bytes,
                ..EngineOptions::default()
            };
            let engine = Engine::new(&options).unwrap();
            let data = DataDir::open(&config.data_dir).unwrap();
            let blobs = Blobs::open(&data).unwrap();
            let app = AppState::open(config, engine, &data, &blobs).unwrap();
            (app, data)
        }

        pub(crate) async fn send(&self, request: Request) -> Answer {
            let response = router(self.app.clone()).oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            Answer {
                status: parts.status,
                headers: parts.headers,
                body: serde_json::from_slice(&bytes).unwrap_or_default(),
                bytes,
            }
        }

        /// Send a request, whose `Host` is ours unless it is given.
        pub(crate) async fn call(
            &self,
            method: &str,
            path: &str,
            headers: &[(&str, &str)],
            body: impl Into<Body>,
        ) -> Answer {
            let mut request = Request::builder().method(method).uri(path);
            if !headers.iter().any(|(name, _)| *name == "host") {
                request = request.header("host", "localhost:7070");
            }
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            self.send(request.body(body.into()).unwrap()).await
        }

        pub(crate) async fn get(&self, path: &str) -> Answer {
            self.call("GET", path, &[], Body::empty()).await
        }
    }
}
