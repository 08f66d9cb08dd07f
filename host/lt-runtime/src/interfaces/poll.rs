//! `wasi:io/poll`: waiting for several things. What waits is wasmtime's; only the functions are ours, so that waits are traced
//! like all other calls and their frames stay small.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll::{Host, HostPollable};

use crate::ctx::UserCtx;
use crate::interfaces::View;
use crate::trace::traced_async;

/// The instance that `wasmtime-wasi` links, which is given to scenarios that import any 0.2.
const INSTANCE: &str = "wasi:io/poll@0.2.12";

/// Take the place of those that were linked with the rest of WASI.
pub(crate) fn add_to_linker(linker: &mut Linker<UserCtx>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut instance = linker.instance(INSTANCE)?;
    instance.func_wrap_async("poll", |mut cx, (pollables,): (Vec<Handle>,)| {
        Box::new(async move { Ok((View(cx.data_mut()).poll(pollables).await?,)) })
    })?;
    instance.func_wrap_async(
        "[method]pollable.block",
        |mut cx, (pollable,): (Handle,)| {
            Box::new(async move { View(cx.data_mut()).block(pollable).await })
        },
    )?;
    instance.func_wrap_async(
        "[method]pollable.ready",
        |mut cx, (pollable,): (Handle,)| {
            Box::new(async move { Ok((View(cx.data_mut()).ready(pollable).await?,)) })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

type Handle = Resource<DynPollable>;

impl View<'_> {
    async fn poll(&mut self, pollables: Vec<Handle>) -> wasmtime::Result<Vec<u32>> {
        traced_async!(self, "poll.poll", (pollables), {
            Host::poll(&mut self.0.table, pollables).await
        })
    }

    async fn block(&mut self, pollable: Handle) -> wasmtime::Result<()> {
        traced_async!(self, "poll.pollable.block", (pollable), {
            self.0.table.block(pollable).await
        })
    }

    async fn ready(&mut self, pollable: Handle) -> wasmtime::Result<bool> {
        traced_async!(self, "poll.pollable.ready", (pollable), {
            self.0.table.ready(pollable).await
        })
    }
}
