//! `cargo run`: builds the component, serves it, and stops on Ctrl-C.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use spin_sse_host::{Host, Options, key};
use std::io::{Write, stderr, stdout};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal;

/// Runs the component that spin.toml describes, without the Spin CLI.
#[derive(Parser)]
#[command(name = "spin-sse-host")]
struct Cli {
    #[command(flatten)]
    options: Options,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print a token for the hub, signed with the variable jwt_secret or the key of the state directory
    Token {
        /// Topics it may publish to, * for all
        #[arg(long, value_name = "TOPIC", num_args = 1..)]
        publish: Vec<String>,

        /// Topics whose private updates it may read, * for all
        #[arg(long, value_name = "TOPIC", num_args = 1..)]
        subscribe: Vec<String>,

        /// For how many seconds it is valid [default: for ever]
        #[arg(long, value_name = "SECONDS")]
        expires_in: Option<u64>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let done = match cli.command {
        Some(Command::Token { publish, subscribe, expires_in }) => {
            print_token(&cli.options, &publish, &subscribe, expires_in)
        }
        None => run(cli.options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error cannot be written, the exit code still says it.
            let _ = writeln!(stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_token(options: &Options, publish: &[String], subscribe: &[String], expires_in: Option<u64>) -> Result<()> {
    let key =
        key::key(options)?.context("the manifest has no variable jwt_secret, so there is nothing to sign with")?;
    writeln!(stdout(), "{}", key::token(&key, publish, subscribe, expires_in.map(Duration::from_secs))?)?;
    Ok(())
}

async fn run(mut options: Options) -> Result<()> {
    let key = key::key(&options)?;
    if let Some(key) = &key {
        options.variables.push((key::VARIABLE.to_owned(), key.clone()));
    }
    let mut stopped = pin!(stopped());
    let host = tokio::select! {
        host = Host::start(options) => host?,
        result = &mut stopped => return result,
    };
    let token = key.and_then(|key| key::token(&key, &["*".to_owned()], &[], None).ok());
    // Not `println!`, which panics when stdout is closed: the server shall not care.
    let _ = write!(stdout(), "{}", welcome(&host, token.as_deref()));
    stopped.await?;
    host.stop().await;
    Ok(())
}

/// What to try. Only the edge function has tokens; what else may be served is not known here.
fn welcome(host: &Host, token: Option<&str>) -> String {
    let Some(token) = token else { return format!("Serving {}\n\nCtrl-C stops it.\n\n", host.url("/")) };
    let (sse, page, hub) = (host.url("/sse"), host.url("/"), host.url("/.well-known/mercure"));
    format!(
        "Serving {}\n\nA timestamp every second:\n  curl -N {sse}\n\n\
         Follow a topic, and publish to it from another terminal:\n  curl -N '{hub}?match=demo'\n  \
         curl -d topic=demo -d data=hello -H 'Authorization: Bearer {token}' {hub}\n\n\
         Or all of it in a browser:\n  {page}\n\nCtrl-C stops it.\n\n",
        host.url("")
    )
}

/// Ctrl-C, or a polite kill.
async fn stopped() -> Result<()> {
    #[cfg(unix)]
    let terminated = async {
        signal::unix::signal(signal::unix::SignalKind::terminate())?.recv().await;
        std::io::Result::Ok(())
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<std::io::Result<()>>();
    tokio::select! {
        result = signal::ctrl_c() => result?,
        result = terminated => result?,
    }
    Ok(())
}
