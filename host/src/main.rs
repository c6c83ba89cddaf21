//! `cargo run`: builds the component, serves it, and stops on Ctrl-C.

use anyhow::Result;
use clap::{Parser, Subcommand};
use spin_sse_host::token::Token;
use spin_sse_host::{Host, Options, key};
use std::io::{Write, stderr, stdout};
use std::pin::pin;
use std::process::ExitCode;
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
    /// Print a token for the hub, signed with the variable jwt_secret or the key of the state directory, or with --key
    Token(Token),
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
        Some(Command::Token(token)) => print_token(&token, &cli.options),
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

fn print_token(token: &Token, options: &Options) -> Result<()> {
    writeln!(stdout(), "{}", token.sign(options)?)?;
    Ok(())
}

async fn run(mut options: Options) -> Result<()> {
    let key = key::key(&options)?;
    if let Some(key) = &key {
        options.variables.push((key::VARIABLE.to_owned(), key.clone()));
    }
    // Which takes no token of an unknown issuer.
    let is_strict = key::given(&options, "jwt_issuer").is_some();
    let mut stopped = pin!(stopped());
    let host = tokio::select! {
        host = Host::start(options) => host?,
        result = &mut stopped => return result,
    };
    let token = key.filter(|_| !is_strict).and_then(|key| key::token(&key, &["*".to_owned()], &[], None).ok());
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
