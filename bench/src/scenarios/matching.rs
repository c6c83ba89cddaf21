//! What patterns cost beside topics.

use std::fmt::Write;

use anyhow::Result;

use super::{SIZE, Window, command, window};
use crate::peers::component::{self, hub};
use crate::publisher::Pace;
use crate::report::{Report, Table};
use crate::swarm::Swarm;

const RATE: u32 = 100;
/// As many streams as an instance has.
const SUBSCRIBERS: usize = 128;

/// Runs it.
pub fn run(seconds: u64) -> Result<()> {
    let mut report = Report::new("matching", "Patterns", &command());
    report.say(format!(
        "{RATE} updates of {SIZE} bytes a second, one a request, {SUBSCRIBERS} subscribers in one instance, all of which \
         hear each, {seconds} s, by {}.",
        component::host_name()
    ));
    let mut table = Table::new(&["each follows", "p50", "p99", "CPU of an update", "order"]);
    for (name, query) in CASES {
        let server = hub()?.one_instance().start()?;
        let mut swarm = Swarm::new(&server)?;
        swarm.path = Some(Box::new(move |number| format!("/.well-known/mercure?{}", query(number))));
        swarm.open(SUBSCRIBERS)?;
        table.row(row(name, &window(&server, &mut swarm, Pace::Rate(RATE), seconds)?));
    }
    report.table(&table);
    report.save()
}

/// What subscribers follow: its name, and the query of one of them.
type Case = (&'static str, fn(usize) -> String);

const CASES: [Case; 5] = [
    ("the topic", |_| "match=t0".to_owned()),
    ("all topics", |_| "match=*".to_owned()),
    ("the same pattern", |_| "match_urlpattern=/.well-known/:topic".to_owned()),
    ("a pattern of its own", |number| format!("match_urlpattern=/.well-known/:topic{number}")),
    ("100 patterns of its own", |number| {
        let mut query = format!("match_urlpattern=/.well-known/:topic{number}");
        for other in 1..100 {
            // Writing to a text does not fail.
            let _ = write!(query, "&match_urlpattern=/{number}/{other}/:kind/:id");
        }
        query
    }),
];

fn row(name: &str, window: &Window) -> Vec<String> {
    let cpu = window.server.as_secs_f64() * 1e3 / window.published.max(1) as f64;
    vec![name.to_owned(), window.latency(0.5), window.latency(0.99), format!("{cpu:.2} ms"), window.tally.order()]
}
