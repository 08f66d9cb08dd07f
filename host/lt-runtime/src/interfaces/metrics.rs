//! `lt:scenario/metrics`: custom metrics, checks and groups.

use lt_metrics::{DeclareError, Kind, MetricId};
use lt_spec::limits::{GROUP_DEPTH_MAX, NAME_BYTES_MAX};
use tokio::time::Instant;
use wasmtime::component::Resource;

use crate::bindings::metrics::{ErrorCode, Host, HostMetric};
use crate::bindings::types::{MetricKind, MetricUnit, Tag};
use crate::describe::{metric_kind, metric_unit};
use crate::interfaces::{View, cut};
use crate::limits::HANDLES_MAX;
use crate::trace::traced;

/// Tags that say of what kind a counter's sample is: the summary lists what the first of them says.
const KIND_TAGS: [&str; 4] = ["code", "ending", "kind", "reason"];

/// An open metric of the run.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct MetricHandle {
    id: MetricId,
    kind: Kind,
    /// Whether its values say that the user is steady.
    steady: bool,
}

impl Host for View<'_> {
    fn check(&mut self, name: String, ok: bool) -> wasmtime::Result<bool> {
        traced!(self, "metrics.check", (name, ok), {
            let (core, tags) = (self.0.core(), self.0.tags());
            let path = core.group_path(self.0.group());
            let name = cut(&name, NAME_BYTES_MAX);
            core.recorder.borrow_mut().check(name, &path, tags, ok);
            if core.steady_check() == Some(name) {
                self.0.set_steady(ok);
            }
            Ok(ok)
        })
    }

    fn group_start(&mut self, name: String) -> wasmtime::Result<()> {
        traced!(self, "metrics.group-start", (name), {
            let parent = self.0.group();
            // Beyond the deepest level a group counts as its parent, but still ends where it should.
            let group = if self.0.groups.len() < GROUP_DEPTH_MAX {
                self.0
                    .core()
                    .enter_group(parent, cut(&name, NAME_BYTES_MAX))
            } else {
                parent
            };
            if self.0.groups.len() < 2 * GROUP_DEPTH_MAX {
                self.0.groups.push((group, Instant::now()));
            }
            Ok(())
        })
    }

    fn group_end(&mut self) -> wasmtime::Result<()> {
        traced!(self, "metrics.group-end", (), {
            self.0.end_group();
            Ok(())
        })
    }
}

impl crate::ctx::UserCtx {
    /// Leave the innermost group and record its time; `false` if there was none.
    pub(crate) fn end_group(&mut self) -> bool {
        let Some((group, started)) = self.groups.pop() else {
            return false;
        };
        let core = self.core();
        let tags = core.tags_of_group(self.who.role, group);
        core.recorder
            .borrow_mut()
            .group(&core.group_path(group), tags, started.elapsed());
        true
    }
}

impl HostMetric for View<'_> {
    fn open(
        &mut self,
        name: String,
        kind: MetricKind,
        unit: MetricUnit,
    ) -> wasmtime::Result<Result<Resource<MetricHandle>, ErrorCode>> {
        traced!(self, "metrics.metric.open", (name, kind, unit), {
            let kind = metric_kind(kind);
            let declared =
                self.0
                    .core()
                    .run
                    .common
                    .registry
                    .declare(&name, kind, metric_unit(unit), "");
            let steady = kind == Kind::Gauge && self.0.core().steady_gauge() == Some(name.as_str());
            Ok(match declared {
                Ok(id) => match self.0.table.push(MetricHandle { id, kind, steady }) {
                    Ok(handle) => Ok(handle),
                    Err(_) => {
                        let text = format!("a user may hold {HANDLES_MAX} handles; drop some");
                        Err(ErrorCode::Other(text))
                    }
                },
                Err(DeclareError::InvalidName(name)) => Err(ErrorCode::InvalidName(name)),
                Err(error @ DeclareError::KindMismatch { .. }) => {
                    Err(ErrorCode::KindMismatch(error.to_string()))
                }
                Err(DeclareError::TooMany) => Err(ErrorCode::TooManyMetrics),
            })
        })
    }

    fn add(
        &mut self,
        metric: Resource<MetricHandle>,
        value: f64,
        tags: Vec<Tag>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        traced!(self, "metrics.metric.add", (metric, value, tags), {
            let MetricHandle { id, kind, steady } = *self.0.table.get(&metric)?;
            if !value.is_finite() || (kind == Kind::Counter && value < 0.0) {
                return Ok(Err(ErrorCode::InvalidValue(value)));
            }
            let extra: Vec<(&str, &str)> = tags
                .iter()
                .map(|tag| {
                    (
                        cut(&tag.name, NAME_BYTES_MAX),
                        cut(&tag.value, NAME_BYTES_MAX),
                    )
                })
                .collect();
            let core = self.0.core();
            let tags = core.tags_with(self.0.who.role, self.0.group(), &extra);
            let mut recorder = core.recorder.borrow_mut();
            recorder.record(id, tags, value);
            let says = extra.iter().find(|(name, _)| KIND_TAGS.contains(name));
            if kind == Kind::Counter
                && let Some((name, says)) = says
            {
                recorder.kind(id, format_args!("{name}={says}"), value);
            }
            drop(recorder);
            if steady {
                self.0.set_steady(value != 0.0);
            }
            Ok(Ok(()))
        })
    }

    fn drop(&mut self, metric: Resource<MetricHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(metric)?;
        Ok(())
    }
}
