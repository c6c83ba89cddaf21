//! The first byte of a fresh instance.

use std::time::Instant;

use anyhow::Result;

use super::{median, micros};
use crate::http::Client;
use crate::peers::component::{self, Setup, component, hub};
use crate::report::{Report, Table};
use crate::server::{Dialect, get};

const REQUESTS: usize = 300;

/// Runs it.
pub fn run() -> Result<()> {
    let mut report = Report::new("cold", "Cold starts", "cargo run --release -p bench -- cold");
    report.say(format!(
        "From a request, on an open connection, to the first byte of the body, when each request gets an instance of its \
         own; {REQUESTS} requests in turn, by {}.",
        component::host_name()
    ));
    let fresh = |setup: Setup| setup.flag("--max-instance-reuse-count", 1).start();
    let hello = fresh(component("hello", "bench/hello-component/spin.toml", Dialect::Other))?;
    let sdk = fresh(component("a stream of the SDK", "bench/sdk-component/spin.toml", Dialect::Other))?;
    let hub = fresh(hub()?)?;
    let lanes = [
        ("a component that answers `hello`", &hello, get("/", "")),
        ("a stream as the SDK's example", &sdk, get("/all?events=1", "")),
        ("spin-sse, the clock", &hub, get("/sse", "")),
        ("spin-sse, a subscription", &hub, hub.dialect.subscription(0, None)),
    ];
    let mut times = vec![Vec::new(); lanes.len()];
    for _ in 0..REQUESTS {
        for ((_, server, request), times) in lanes.iter().zip(&mut times) {
            let mut client = Client::connect(server.address)?;
            let start = Instant::now();
            client.read_until(request, |body| !body.is_empty())?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let hello = median(times[0].clone());
    let mut table = Table::new(&["", "median", "p99", "of `hello`"]);
    for ((name, ..), mut times) in lanes.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let (middle, late) = (times[REQUESTS / 2], times[REQUESTS * 99 / 100]);
        table.row([(*name).to_owned(), micros(middle), micros(late), format!("{:.2} x", middle / hello)]);
    }
    report.table(&table);
    report.save()
}
