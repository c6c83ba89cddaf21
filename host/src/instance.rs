//! The component's instances: what each is given, how many requests it serves, and when it ends.

use crate::logs::{Logs, Output};
use crate::options::{Options, Spread};
use crate::outbound::Outbound;
use crate::outgoing::Outgoing;
use crate::redis::{self, Redis};
use crate::sockets::Sockets;
use crate::sqlite::{self, Sqlite};
use crate::variables::{self, Variables};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use wasmtime::component::{Component, GuestTaskId, Linker, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Makes instances, and holds what they have in common.
pub(crate) struct Instances {
    engine: Engine,
    service: ProxyPre<State>,
    variables: Variables,
    database: Option<PathBuf>,
    outbound: Outbound,
    sockets: Sockets,
    outgoing: Outgoing,
    logs: Logs,
    reuse: Spread<usize>,
    concurrency: Spread<usize>,
    request_timeout: Option<Spread<Duration>>,
    idle_timeout: Spread<Duration>,
    memory: usize,
    /// Set when the host stops: instances that end then did not fail.
    stopping: Arc<AtomicBool>,
}

impl Instances {
    pub(crate) fn new(
        component: &Component,
        options: &Options,
        variables: Variables,
        database: Option<PathBuf>,
        outbound: Outbound,
        logs: Logs,
        stopping: Arc<AtomicBool>,
    ) -> Result<Self> {
        let linker = linker(component).context("cannot offer the interfaces of this host")?;
        let needs = "the component needs an interface that this host does not have";
        let linked = linker.instantiate_pre(component).map_err(anyhow::Error::from).context(needs)?;
        let no_service = "the component does not serve HTTP: it must export wasi:http/handler 0.3, as spin-sdk 7 does";
        let service = ServicePre::new(linked).map_err(anyhow::Error::from).context(no_service)?;
        Ok(Self {
            engine: component.engine().clone(),
            service: ProxyPre::P3(service),
            variables,
            database,
            sockets: Sockets::new(outbound.clone(), logs.clone()),
            outgoing: Outgoing::new(outbound.clone(), options.listen, logs.clone()),
            outbound,
            logs,
            reuse: options.max_instance_reuse_count.clone(),
            concurrency: options.max_instance_concurrent_reuse_count.clone(),
            request_timeout: options.request_timeout.clone(),
            idle_timeout: options.idle_instance_timeout.clone(),
            memory: options.max_instance_memory.unwrap_or(usize::MAX),
            stopping,
        })
    }
}

fn linker(component: &Component) -> Result<Linker<State>> {
    let mut linker = Linker::new(component.engine());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    variables::add_to_linker(&mut linker, |state: &mut State| &mut state.variables)?;
    sqlite::add_to_linker(&mut linker, |state: &mut State| &mut state.sqlite)?;
    redis::add_to_linker(&mut linker, |state: &mut State| &mut state.redis)?;
    Ok(linker)
}

/// What one instance has: no files, no environment, no arguments, and UDP sockets only where the manifest allows.
pub(crate) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    table: ResourceTable,
    variables: Variables,
    sqlite: Sqlite,
    redis: Redis,
    limits: StoreLimits,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Life>> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(Output::new(self.logs.clone())).stderr(Output::new(self.logs.clone()));
        self.sockets.offer(&mut wasi);
        let state = State {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outgoing: self.outgoing.clone(),
            table: ResourceTable::new(),
            variables: self.variables.clone(),
            sqlite: Sqlite::new(self.database.clone()),
            redis: Redis::new(self.outbound.clone(), self.logs.clone()),
            limits: StoreLimitsBuilder::new().memory_size(self.memory).build(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        let proxy = self.service.instantiate_async(&mut store).await?;
        let request_timeout = self.request_timeout.as_ref().map(Spread::<Duration>::pick);
        Ok(Instance {
            store,
            proxy,
            view: State::http,
            expiration: Expiration {
                idle: self.idle_timeout.pick(),
                request: request_timeout,
                timer: Box::pin(tokio::time::sleep(Duration::MAX)),
            },
            state: Life {
                reuse: self.reuse.pick(),
                concurrency: self.concurrency.pick(),
                request_timeout,
                logs: self.logs.clone(),
                stopping: self.stopping.clone(),
            },
        })
    }
}

/// When an instance is dropped, whatever it is doing.
pub(crate) struct Expiration {
    idle: Duration,
    request: Option<Duration>,
    timer: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, since: Instant) -> Poll<()> {
        let limit = match status {
            WorkerStatus::Idle => Some(self.idle),
            // Spin has one limit for both: until the last response head, and then until the streams behind it end.
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.request,
        };
        let Some(end) = limit.and_then(|limit| since.checked_add(limit)) else {
            return Poll::Pending;
        };
        let end = tokio::time::Instant::from_std(end);
        if self.timer.deadline() != end {
            self.timer.as_mut().reset(end);
        }
        self.timer.as_mut().poll(context)
    }
}

/// How many requests an instance takes, and what is said when it fails.
pub(crate) struct Life {
    reuse: usize,
    concurrency: usize,
    request_timeout: Option<Duration>,
    logs: Logs,
    stopping: Arc<AtomicBool>,
}

impl WorkerState for Life {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, at_once: usize, so_far: usize) -> ShouldAccept {
        if so_far >= self.reuse {
            ShouldAccept::Never
        } else if at_once >= self.concurrency {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(tokio::time::sleep(self.request_timeout.unwrap_or(Duration::MAX)))
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        // What it printed last comes before what is said about it.
        drop(store);
        if let (Err(error), false) = (result, self.stopping.load(Ordering::Relaxed)) {
            self.logs.push(format!("an instance failed and its streams ended: {}", error.root_cause()));
        }
    }
}
