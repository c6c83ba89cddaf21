//! The servers of the scenarios about many streams: the hub as a host runs it without flags, with SQLite or Redis, and
//! nchan.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::micros;
use crate::http::Client;
use crate::peers::component::{Setup, hub};
use crate::peers::nchan;
use crate::peers::redis::{self, Redis};
use crate::server::Server;

/// A server by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The hub with its history in SQLite
    Sqlite,
    /// The hub with its history in Redis
    Redis,
    /// nchan
    Nchan,
}

/// Which servers are measured, and with what.
#[derive(Debug, Args)]
pub struct Lanes {
    /// Which servers
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["sqlite", "redis", "nchan"])]
    pub lanes: Vec<Kind>,
    /// A variable of the hub
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    variables: Vec<String>,
}

/// A running server, with what it needs.
pub struct Lane {
    /// The server.
    pub server: Server,
    /// How the hub was started.
    setup: Option<Setup>,
    redis: Option<Redis>,
}

/// Processor time: of all, and of Redis where there is one.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    all: Duration,
    redis: Option<Duration>,
}

impl Lanes {
    /// Whether the hub has this variable: `name=value`.
    pub fn has(&self, variable: &str) -> bool {
        self.variables.iter().any(|given| given == variable)
    }

    /// Starts one, the hub with these variables too; `None` when a program is not installed.
    pub fn start(&self, kind: Kind, variables: &[&str]) -> Result<Option<Lane>> {
        let hub = || -> Result<Setup> {
            let given = self.variables.iter().map(String::as_str);
            Ok(variables
                .iter()
                .copied()
                .chain(given)
                .fold(hub()?.heard(), |hub, variable| hub.flag("--variable", variable)))
        };
        let (setup, redis) = match kind {
            Kind::Sqlite => (hub()?.name("spin-sse, SQLite"), None),
            Kind::Redis => match redis::start()? {
                Some(redis) => (redis.log_of(hub()?.name("spin-sse, Redis")), Some(redis)),
                None => return Ok(None),
            },
            Kind::Nchan => {
                return Ok(nchan::start()?.map(|server| Lane { server, setup: None, redis: None }));
            }
        };
        Ok(Some(Lane { server: setup.start()?, setup: Some(setup), redis }))
    }
}

impl Lane {
    /// With another host, after the first was killed. nchan, which would forget its history, goes on.
    pub fn restart(self) -> Result<Lane> {
        let Some(setup) = self.setup else { return Ok(self) };
        Ok(Lane { server: setup.restart(self.server)?, setup: Some(setup), redis: self.redis })
    }

    /// The processor time that it has used, with Redis.
    pub fn cpu(&self) -> Cpu {
        Cpu::of(&self.server, self.redis.as_ref())
    }

    /// How many subscriptions the hub lists.
    pub fn subscriptions(&self) -> Result<usize> {
        let answer = Client::connect(self.server.address)?.ask(&self.server.dialect.subscriptions(), 1)?;
        Ok(memchr::memmem::find_iter(&answer, br#""type":"subscription""#).count())
    }

    /// How many instances of the hub were started.
    pub fn started(&self) -> String {
        match self.setup {
            Some(_) => self.server.process.output().matches("hub: instance started").count().to_string(),
            None => "-".to_owned(),
        }
    }

    /// How many instances of the hub there are.
    pub fn instances(&self) -> String {
        match self.setup {
            Some(_) => self.server.process.instances().to_string(),
            None => "-".to_owned(),
        }
    }
}

impl Cpu {
    /// What a server and its Redis have used.
    pub fn of(server: &Server, redis: Option<&Redis>) -> Cpu {
        let redis = redis.map(Redis::cpu);
        Cpu { all: server.process.cpu() + redis.unwrap_or_default(), redis }
    }

    /// All of it.
    pub fn time(self) -> Duration {
        self.all
    }

    /// What was used since `before`.
    pub fn since(self, before: Cpu) -> Cpu {
        let redis = self.redis.zip(before.redis).map(|(now, before)| now.saturating_sub(before));
        Cpu { all: self.all.saturating_sub(before.all), redis }
    }

    /// Both together.
    pub fn and(self, more: Cpu) -> Cpu {
        let redis = self.redis.zip(more.redis).map(|(some, more)| some + more);
        Cpu { all: self.all + more.all, redis }
    }

    /// Microseconds of all, for each of `count`.
    pub fn micros(self, count: u64) -> f64 {
        self.all.as_secs_f64() * 1e6 / count.max(1) as f64
    }

    /// The time for each of `count`, and how much of it is of Redis.
    pub fn each(self, count: u64) -> String {
        let of = |time: Duration| match time.as_secs_f64() * 1e6 / count.max(1) as f64 {
            time if time < 1_000.0 => format!("{time:.0} us"),
            time => micros(time),
        };
        match self.redis {
            Some(redis) => format!("{} (Redis {})", of(self.all), of(redis)),
            None => of(self.all),
        }
    }

    /// How much of a core is busy, when it was used in this time.
    pub fn percent(self, time: Duration) -> String {
        format!("{:.1} %", self.all.as_secs_f64() / time.as_secs_f64() * 100.0)
    }
}
