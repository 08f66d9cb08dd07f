//! Asking a component what it is: in a throw-away sandbox, with a deadline and nothing granted.

mod declared;

use std::time::Duration;

use lt_metrics::{Kind, Unit};
use lt_spec::description::{
    DataDeclaration, DataKind, DefaultLoad, Description, MetricDeclaration, Role, RoleShare,
    Setting, SettingKind, SteadyCondition,
};
use lt_spec::limits::{DESCRIBE_DEADLINE, DESCRIBED_BYTES_MAX, USER_MEMORY_BYTES_MAX};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceTable, ResourceType};
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

use crate::bindings::{ScenarioWorld, types};
use crate::component::LoadError;
use crate::ctx::Ended;
use crate::engine::Engine;
use crate::inspect::{PACKAGE, told};
use crate::limits::MemoryLimiter;
use crate::wasi::{LastWords, deny_all};

/// Data of the throw-away store: WASI that denies everything, and a memory limit.
struct Nothing {
    wasi: WasiCtx,
    words: LastWords,
    table: ResourceTable,
    limits: MemoryLimiter,
}

impl WasiView for Nothing {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Call `describe`. Every import of the contract traps.
pub(crate) fn describe(engine: &Engine, component: &Component) -> Result<Description, LoadError> {
    let mut linker = Linker::<Nothing>::new(&engine.engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)
        .and_then(|()| deny_contract(&mut linker, component))
        .map_err(|error| LoadError::Import(told(&format!("{error:#}"))))?;
    let (wasi, words) = deny_all(0, 0);
    let limits = MemoryLimiter::new(engine.user_memory_bytes.min(USER_MEMORY_BYTES_MAX));
    let data = Nothing {
        wasi,
        words,
        table: ResourceTable::new(),
        limits,
    };
    let mut store = Store::new(&engine.engine, data);
    store.limiter(|data| &mut data.limits);
    // A list whose every text is the same megabyte of the guest's would be terabytes here.
    store.set_hostcall_fuel(DESCRIBED_BYTES_MAX);
    // Yield at every tick, so that the deadline below is seen.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| LoadError::Describe(error.to_string()))?;
    let call = async {
        let world = ScenarioWorld::instantiate_async(&mut store, component, &linker).await?;
        world.call_describe(&mut store).await.map_err(blame)
    };
    let limited = runtime.block_on(async { tokio::time::timeout(DESCRIBE_DEADLINE, call).await });
    let words = store.data().words.take();
    match limited {
        Ok(Ok(description)) => declared::check(plain(description)),
        // What it said last is then of no use: that an allocation failed.
        Ok(Err(_)) if store.data().limits.refused() => {
            let most = engine.user_memory_bytes.min(USER_MEMORY_BYTES_MAX);
            let text = format!("it wanted more memory than the {most} bytes of a user");
            Err(LoadError::Describe(text))
        }
        Ok(Err(_)) if !words.is_empty() => Err(LoadError::Describe(told(&words))),
        Ok(Err(error)) => Err(LoadError::Describe(match error.downcast_ref::<Ended>() {
            Some(Ended::Denied(_)) => "it called an import of lt:scenario".to_owned(),
            // Where it trapped would come first, and be long.
            _ => match error.downcast_ref::<Trap>() {
                Some(trap) => trap.to_string(),
                None => told(&format!("{error:#}")),
            },
        })),
        Err(_) => Err(LoadError::Describe(format!(
            "it took over {DESCRIBE_DEADLINE:?}"
        ))),
    }
}

/// What the guest did itself is told as it is; all else went wrong with what it returned.
fn blame(error: wasmtime::Error) -> wasmtime::Error {
    let is_own = error.is::<Trap>() || error.is::<Ended>() || error.is::<I32Exit>();
    if is_own {
        return error;
    }
    error.context(format!(
        "what it returned cannot be taken in, at most {DESCRIBED_BYTES_MAX} bytes are"
    ))
}

/// Every import of the contract, as a trap that says so. WASI is left as it is: it denies everything already.
fn deny_contract(linker: &mut Linker<Nothing>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            continue;
        };
        if !name.starts_with(PACKAGE) {
            continue;
        }
        let mut denied = linker.instance(name)?;
        for (item, export) in interface.exports(&engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => {
                    denied
                        .func_new(item, |_, _, _, _| Err(Ended::Denied("the contract").into()))?;
                }
                ComponentItem::Resource(_) if item == "pollable" => {
                    denied.resource(item, ResourceType::host::<DynPollable>(), |_, _| Ok(()))?;
                }
                ComponentItem::Resource(_) => {
                    denied.resource(item, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The contract's record as plain values.
fn plain(found: types::Description) -> Description {
    Description {
        name: found.name,
        version: found.version,
        doc: found.doc,
        settings: found.settings.into_iter().map(setting).collect(),
        roles: found.roles.into_iter().map(role).collect(),
        metrics: found.metrics.into_iter().map(metric).collect(),
        load: DefaultLoad {
            users: found.load.users,
            duration: found.load.duration.map(Duration::from_nanos),
            iterations: found.load.iterations,
        },
        steady: found.steady.map(|steady| match steady {
            types::SteadyCondition::Check(name) => SteadyCondition::Check(name),
            types::SteadyCondition::Gauge(name) => SteadyCondition::Gauge(name),
        }),
        data: found.data.into_iter().map(data).collect(),
    }
}

fn setting(found: types::Setting) -> Setting {
    Setting {
        name: found.name,
        doc: found.doc,
        kind: match found.kind {
            types::SettingKind::Text => SettingKind::Text,
            types::SettingKind::Boolean => SettingKind::Boolean,
            types::SettingKind::Integer => SettingKind::Integer,
            types::SettingKind::Number => SettingKind::Number,
            types::SettingKind::Duration => SettingKind::Duration,
            types::SettingKind::Secret => SettingKind::Secret,
        },
        default: found.default,
        allowed: found.allowed,
        minimum: found.minimum,
        maximum: found.maximum,
        live: found.access == types::SettingAccess::Live,
    }
}

fn role(found: types::Role) -> Role {
    Role {
        name: found.name,
        doc: found.doc,
        share: match found.share {
            types::RoleShare::Weight(weight) => RoleShare::Weight(weight),
            types::RoleShare::Count(count) => RoleShare::Count(count),
            types::RoleShare::Every(every) => RoleShare::Every(every),
        },
    }
}

fn data(found: types::DataDeclaration) -> DataDeclaration {
    DataDeclaration {
        name: found.name,
        doc: found.doc,
        kind: match found.kind {
            types::DataKind::Asset => DataKind::Asset,
            types::DataKind::Feeder(fields) => DataKind::Feeder(fields),
        },
        required: found.required,
    }
}

fn metric(found: types::MetricDeclaration) -> MetricDeclaration {
    MetricDeclaration {
        name: found.name,
        doc: found.doc,
        kind: metric_kind(found.kind),
        unit: metric_unit(found.unit),
    }
}

/// The contract's kind of metric as ours.
pub(crate) fn metric_kind(kind: types::MetricKind) -> Kind {
    match kind {
        types::MetricKind::Counter => Kind::Counter,
        types::MetricKind::Gauge => Kind::Gauge,
        types::MetricKind::Rate => Kind::Rate,
        types::MetricKind::Trend => Kind::Trend,
    }
}

/// The contract's unit as ours.
pub(crate) fn metric_unit(unit: types::MetricUnit) -> Unit {
    match unit {
        types::MetricUnit::None => Unit::None,
        types::MetricUnit::Time => Unit::Time,
        types::MetricUnit::Data => Unit::Data,
    }
}
