use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{
    FailureClass, Kind, Recorder, Registry, SubmetricPlan, Tags, Totals, Unit, builtin,
};

use super::*;
