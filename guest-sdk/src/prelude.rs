//! What nearly every scenario needs: `use lt_sdk::prelude::*;`.
//!
//! ```
//! use lt_sdk::prelude::*;
//! ```

pub use crate::check::{Group, group};
pub use crate::settings::Live;
pub use crate::timing::{Duration, Instant};
pub use crate::{
    Context, Description, Error, Iteration, Result, RunInfo, Scenario, Settings, Share, User, bail,
    check, coordination, data, ensure, futures, html, http, join, log, metrics, rtmp, select,
    timing, user, websocket, xmpp,
};
