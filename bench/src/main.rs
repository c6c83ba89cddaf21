//! `cargo run --release -p bench -- SCENARIO`: the hub beside its peers.

mod answers;
mod chart;
mod http;
mod peers;
mod process;
mod publisher;
mod random;
mod scatter;
mod scenarios;
mod server;
mod subscriber;
mod swarm;
mod tally;
mod update;
mod upstream;

use std::net::SocketAddr;

use anyhow::Result;
use bench::report;
use clap::{Parser, Subcommand};
use scenarios::{
    backlog, burst, cold, fanout, idle, latency, matching, publish, quiet, relay, resume, slow, stream, topics,
};

/// Measures the hub beside its peers; each scenario prints a table and writes it to bench/results
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Deliveries a second: 10, 200 and 2,000 subscribers, up to saturation
    Fanout {
        /// How long each measurement takes
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// From publication to receipt: 100 updates a second, 200 subscribers
    Latency {
        /// How long each measurement takes
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Subscribers with patterns beside those of a topic: 100 updates a second, 128 subscribers in one instance
    Matching {
        /// How long each measurement takes
        #[arg(long, default_value_t = 8)]
        seconds: u64,
    },
    /// 10,000 updates behind: one client, and 200 at once
    Resume,
    /// 5,000 streams on which nothing happens
    Idle,
    /// The first byte of a fresh instance
    Cold,
    /// One reader in ten has stopped
    Slow,
    /// A million small events on one stream
    Stream,
    /// Updates stored a second
    Publish,
    /// Subscribers that all come at once: fresh, after a restart, and while updates are published
    Burst(burst::Flags),
    /// Thousands of topics with one subscriber each
    Topics(topics::Flags),
    /// One topic of a long history of many
    Backlog(backlog::Flags),
    /// A quiet topic, and a broadcast, with subscribers that come at once
    Quiet(quiet::Flags),
    /// Answers of an upstream, relayed to topics, and only passed through
    Relay(relay::Flags),
    /// The native peer, for as long as it is let
    #[command(hide = true)]
    ServeNative { address: SocketAddr },
}

fn main() -> Result<()> {
    let scenario = Cli::parse().scenario;
    process::allow_many_connections(12_000)?;
    match scenario {
        Scenario::Fanout { seconds } => fanout::run(seconds),
        Scenario::Latency { seconds } => latency::run(seconds),
        Scenario::Matching { seconds } => matching::run(seconds),
        Scenario::Resume => resume::run(),
        Scenario::Idle => idle::run(),
        Scenario::Cold => cold::run(),
        Scenario::Slow => slow::run(),
        Scenario::Stream => stream::run(),
        Scenario::Publish => publish::run(),
        Scenario::Burst(flags) => burst::run(&flags),
        Scenario::Topics(flags) => topics::run(&flags),
        Scenario::Backlog(flags) => backlog::run(&flags),
        Scenario::Quiet(flags) => quiet::run(&flags),
        Scenario::Relay(flags) => relay::run(&flags),
        Scenario::ServeNative { address } => peers::native::serve(address),
    }
}
