//! What the command line says, and what a test fills in.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How to run the component. Flags and defaults are those of `spin up`. [`Options::default`] is what the command line
/// gives without flags, whatever the environment says.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The manifest, or its directory [default: spin.toml here, else of the workspace this program was built in]
    #[arg(short = 'f', long = "from", value_name = "PATH")]
    pub manifest: Option<PathBuf>,

    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR", env = "SPIN_HTTP_LISTEN_ADDR")]
    #[arg(default_value = "127.0.0.1:3000", value_parser = listen_address)]
    pub listen: SocketAddr,

    /// Where databases are kept [default: .dev-host beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// Value of one of the manifest's variables; NAME=@FILE takes it from a file
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<(String, String)>,

    /// How many requests one instance serves, N or N..M
    #[arg(long, value_name = "N", default_value = "128")]
    pub max_instance_reuse_count: Spread<usize>,

    /// How many requests one instance serves at once, N or N..M; a request counts until its response head is out
    #[arg(long, value_name = "N", default_value = "16")]
    pub max_instance_concurrent_reuse_count: Spread<usize>,

    /// How long a request may take until its response head, and an instance after its last one: 30, 30s, 500ms or
    /// 1s..2s
    #[arg(long, value_name = "T", value_parser = durations)]
    pub request_timeout: Option<Spread<Duration>>,

    /// How long an idle instance is kept for the next request
    #[arg(long, value_name = "T", default_value = "1s", value_parser = durations)]
    pub idle_instance_timeout: Spread<Duration>,

    /// How many bytes of memory an instance may take; one that needs more fails
    #[arg(long, value_name = "BYTES", env = "SPIN_MAX_INSTANCE_MEMORY")]
    pub max_instance_memory: Option<usize>,

    /// Do not print the component's output
    #[arg(short, long)]
    pub quiet: bool,

    /// Serve the .wasm file as it is, without running the build command
    #[arg(long)]
    pub no_build: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            manifest: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            state_dir: None,
            variables: Vec::new(),
            max_instance_reuse_count: 128.into(),
            max_instance_concurrent_reuse_count: 16.into(),
            request_timeout: None,
            idle_instance_timeout: Duration::from_secs(1).into(),
            max_instance_memory: None,
            quiet: false,
            no_build: false,
        }
    }
}

/// One value, or a half-open range of which each instance takes one at random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread<T>(Kind<T>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind<T> {
    Value(T),
    Within(Range<T>),
}

impl<T> From<T> for Spread<T> {
    fn from(value: T) -> Self {
        Self(Kind::Value(value))
    }
}

impl Spread<usize> {
    /// The value for one instance.
    pub(crate) fn pick(&self) -> usize {
        match &self.0 {
            Kind::Value(value) => *value,
            Kind::Within(range) => {
                let span = range.end.saturating_sub(range.start) as u64;
                range.start.saturating_add(random_below(span) as usize)
            }
        }
    }
}

impl Spread<Duration> {
    /// The value for one instance.
    pub(crate) fn pick(&self) -> Duration {
        match &self.0 {
            Kind::Value(value) => *value,
            Kind::Within(range) => {
                let span = range.end.saturating_sub(range.start).as_nanos();
                let part = random_below(u64::try_from(span).unwrap_or(u64::MAX));
                range.start.saturating_add(Duration::from_nanos(part))
            }
        }
    }
}

/// The standard library seeds its hash maps at random: enough randomness here.
fn random_below(bound: u64) -> u64 {
    RandomState::new().hash_one(()).checked_rem(bound).unwrap_or(0)
}

impl FromStr for Spread<usize> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        spread(text, |number| number.parse().map_err(|_| format!("`{number}` is not a whole number")))
    }
}

fn durations(text: &str) -> Result<Spread<Duration>, String> {
    spread(text, duration)
}

fn spread<T: PartialOrd>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Spread<T>, String> {
    let Some((start, end)) = text.split_once("..") else {
        return parse(text).map(Spread::from);
    };
    let range = parse(start)?..parse(end)?;
    if range.is_empty() {
        return Err(format!("the range `{text}` is empty: its end must be greater than its start"));
    }
    Ok(Spread(Kind::Within(range)))
}

fn duration(text: &str) -> Result<Duration, String> {
    type Unit = fn(u64) -> Duration;
    const UNITS: [(&str, Unit); 5] = [
        ("ms", Duration::from_millis),
        ("us", Duration::from_micros),
        ("μs", Duration::from_micros),
        ("ns", Duration::from_nanos),
        ("s", Duration::from_secs),
    ];
    let with_unit = UNITS.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)));
    let (number, unit) = with_unit.unwrap_or((text, Duration::from_secs));
    match number.parse() {
        Ok(number) => Ok(unit(number)),
        Err(_) => Err(format!("`{text}` is not a time: write a whole number with s, ms, us or ns after it")),
    }
}

/// `localhost` is often first an IPv6 address, while everybody means 127.0.0.1.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let unknown = || format!("`{text}` is not an address to listen on: write it as 127.0.0.1:3000");
    let addresses: Vec<_> = text.to_socket_addrs().map_err(|_| unknown())?.collect();
    let local = addresses.iter().find(|address| address.ip() == Ipv4Addr::LOCALHOST);
    local.or(addresses.first()).copied().ok_or_else(unknown)
}

fn variable(text: &str) -> Result<(String, String), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("write it as NAME=VALUE or NAME=@FILE".into());
    };
    let value = match value.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?,
        None => value.into(),
    };
    Ok((name.into(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn no_flags_are_the_defaults_of_spin_up() {
        let parsed = Cli::try_parse_from(["host"]).unwrap().options;
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn times_are_read_as_spin_reads_them() {
        for (text, expected) in [
            ("30", Duration::from_secs(30)),
            ("30s", Duration::from_secs(30)),
            ("250ms", Duration::from_millis(250)),
            ("7us", Duration::from_micros(7)),
            ("7μs", Duration::from_micros(7)),
            ("9ns", Duration::from_nanos(9)),
        ] {
            assert_eq!(durations(text), Ok(expected.into()), "{text}");
        }
        for text in ["", "s", "1.5s", "-1", "1m", "one", "1..", "..2", "2s..1s", "1..1"] {
            assert!(durations(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_instance_takes_a_value_from_within_its_range() {
        let counts: Spread<usize> = "3..6".parse().unwrap();
        let times = durations("1..8s").unwrap();
        for _ in 0..200 {
            assert!((3..6).contains(&counts.pick()));
            assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&times.pick()));
        }
        assert_eq!("8".parse::<Spread<usize>>().unwrap().pick(), 8);
    }

    #[test]
    fn a_variable_is_a_name_and_a_value() {
        assert_eq!(variable("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(variable("a="), Ok(("a".into(), "".into())));
        assert!(variable("a").is_err());
        assert!(variable("a=@/no/such/file").is_err());
    }

    #[test]
    fn localhost_is_the_ipv4_one() {
        assert_eq!(listen_address("localhost:3001"), Ok(SocketAddr::from(([127, 0, 0, 1], 3001))));
        assert!(listen_address("3000").is_err());
    }
}
