//! Updates stored a second.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::{SIZE, median, millions};
use crate::http::Client;
use crate::peers::component::{self, component, hub};
use crate::report::{Report, Table};
use crate::server::{Dialect, Server, get};
use crate::update::update;

const TURN: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
const INSERTS: u64 = 500;

/// Runs it.
pub fn run() -> Result<()> {
    let mut report = Report::new("publish", "Publishing", "cargo run --release -p bench -- publish");
    report.say(format!(
        "Updates of {SIZE} bytes stored a second, SQLite, no subscribers, by {}; each publisher waits for each answer. \
         Single inserts: of a component that executes them one by one, in the default journal mode. They take turns.",
        component::host_name()
    ));
    let sdk = component("sdk", "bench/sdk-component/spin.toml", Dialect::Other).start()?;
    let (hub, one) = (hub()?.start()?, hub()?.one_instance().start()?);
    let lanes: [(&str, &dyn Fn() -> Result<f64>); 6] = [
        ("single inserts", &|| inserts(&sdk)),
        ("one publisher", &|| publishers(&hub, 1, 1)),
        ("10 publishers at once", &|| publishers(&hub, 10, 1)),
        ("one publisher, batches of 100", &|| publishers(&hub, 1, 100)),
        ("10 publishers at once, one instance", &|| publishers(&one, 10, 1)),
        ("one publisher, batches of 100, one instance", &|| publishers(&one, 1, 100)),
    ];
    let mut rates = vec![Vec::new(); lanes.len()];
    for _ in 0..ROUNDS {
        for ((_, lane), rates) in lanes.iter().zip(&mut rates) {
            rates.push(lane()?);
        }
    }
    let singles = rates[0].clone();
    let mut table = Table::new(&["", "updates/s", "times single inserts"]);
    for ((name, _), rates) in lanes.iter().zip(rates) {
        let ratio = median(rates.iter().zip(&singles).map(|(rate, single)| rate / single).collect());
        table.row([(*name).to_owned(), millions(median(rates)), format!("{ratio:.1}")]);
    }
    report.table(&table);
    report.save()
}

fn inserts(server: &Server) -> Result<f64> {
    let start = Instant::now();
    let request = get(&format!("/insert?count={INSERTS}"), "");
    let answer = Client::connect(server.address)?.ask(request.as_bytes(), 1)?;
    anyhow::ensure!(answer == b"inserted", "the component answered: {}", String::from_utf8_lossy(&answer));
    Ok(INSERTS as f64 / start.elapsed().as_secs_f64())
}

fn publishers(server: &Server, count: u64, batch: u64) -> Result<f64> {
    let start = Instant::now();
    let published = thread::scope(|scope| {
        let one = || {
            scope.spawn(|| -> Result<u64> {
                let mut client = Client::connect(server.address)?;
                let mut published = 0;
                while start.elapsed() < TURN {
                    let numbers = published..published + batch;
                    let updates: Vec<_> = numbers.map(|number| (0, update(number, SIZE))).collect();
                    let (request, answers) = server.dialect.publication(&updates);
                    client.ask(&request, answers)?;
                    published += batch;
                }
                Ok(published)
            })
        };
        let threads: Vec<_> = (0..count).map(|_| one()).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a publisher failed"))?).sum::<Result<u64>>()
    })?;
    Ok(published as f64 / start.elapsed().as_secs_f64())
}
