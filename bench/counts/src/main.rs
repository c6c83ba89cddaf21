//! `cargo run --release -p counts`: how many instructions an event takes, which is the same on a busy machine.
//!
//! It runs itself under `valgrind --tool=callgrind`, and fails when a figure has grown by more than a tenth over the
//! one in `bench/counts/counts.txt`. With `--write` it writes that file.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use spin_sse::{Decoder, Event};
use spin_sse_hub::Selector;
use spin_sse_hub::internals::{
    Action, Answer, Dispatcher, Extent, Hint, NewSession, Page, Position, Record, Resume, Settings, Wakeups,
    parse_records, topic_key, write_record,
};

/// What is counted: its name, how many events it is for, and the work.
const CASES: [(&str, u64, fn()); 6] = [
    ("encode-json", 100, || encode(&"x".repeat(300))),
    ("encode-page", 100, || encode(&vec!["x".repeat(101); 40].join("\n"))),
    ("decode-token", 100, || decode(&format!("data: {}\n\n", "x".repeat(20)))),
    ("decode-page", 100, || decode(&format!("id: 1\n{}\n", format!("data: {}\n", "x".repeat(101)).repeat(40)))),
    ("read-page", 100, || drop(black_box(page(0)))),
    ("dispatch", 1_000 * SUBSCRIBERS, dispatch),
];

const EPOCH: &str = "0123456789abcdef";
const SUBSCRIBERS: u64 = 200;
const TIMES: u64 = 20;
/// How much a figure may grow, in percent.
const TOLERANCE: u64 = 10;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [case, times] = arguments.as_slice() {
        let (_, _, work) = CASES.iter().find(|(name, ..)| name == case).context("there is no such case")?;
        (0..times.parse()?).for_each(|_| work());
        return Ok(ExitCode::SUCCESS);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("counts.txt");
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    let (mut text, mut grown) = (String::new(), false);
    for (name, events, _) in CASES {
        let found = (instructions(name, 2 * TIMES)? - instructions(name, TIMES)?) / TIMES / events;
        let before = known.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        let limit = before.map_or(u64::MAX, |before| before + before * TOLERANCE / 100);
        println!(
            "{name:<14} {found:>8} instructions an event, {}",
            match before {
                Some(before) => format!("{before} before"),
                None => "not known before".to_owned(),
            }
        );
        grown |= found > limit;
        writeln!(text, "{name} {found}")?;
    }
    if arguments == ["--write"] {
        std::fs::write(file, text)?;
    } else if grown {
        eprintln!(
            "more instructions than bench/counts/counts.txt allows: make it cheaper, or say why not and run this with --write"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// All instructions of a run that does the work of a case so many times.
fn instructions(case: &str, times: u64) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = command.arg(std::env::current_exe()?).args([case, &times.to_string()]).output();
    let output = output.context("valgrind cannot be run: install it, for example with `apt-get install valgrind`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.with_context(|| format!("valgrind says no count: {said}"))
}

fn encode(data: &str) {
    let mut out = Vec::with_capacity(1 << 20);
    for id in 0..100_u64 {
        Event::new(black_box(data)).id(id).encode(&mut out);
    }
    black_box(out);
}

fn decode(event: &str) {
    let stream = event.repeat(100);
    let mut decoder = Decoder::new();
    let mut input = black_box(stream.as_bytes());
    while let Ok(Some(frame)) = decoder.next(&mut input) {
        black_box(frame);
    }
}

/// A hundred updates of 300 bytes, as they are read from the log after a sequence.
fn page(after: u64) -> Page {
    static RECORDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let records = RECORDS.get_or_init(|| {
        let update = Record {
            id: None,
            last: false,
            meta: "-demo\n".to_owned(),
            body: format!("data: {}\n\n", "x".repeat(300)),
        };
        let page = |page: u64| {
            let mut records = Vec::new();
            (1..=100).for_each(|at| write_record(&mut records, EPOCH, page * 100 + at, &update));
            records
        };
        (0..10).map(page).collect()
    });
    let extent = Extent { epoch: EPOCH.to_owned(), oldest: 1, head: 1_000, ends: Vec::new(), has_ended_topics: false };
    let records = records[(after / 100) as usize].clone();
    let entries = parse_records(records.into()).expect("records as they were written");
    Page { extent, entries, through: after + 100, ended: Vec::new() }
}

/// What a read brings goes to all subscribers.
fn dispatch() {
    let start = Position { epoch: EPOCH.to_owned(), sequence: 0 };
    let settings =
        Settings { poll: Duration::from_millis(50), listener: 1, wakeups: Wakeups::Sent, gather: None, seed: 1 };
    let mut dispatcher = Dispatcher::new(settings, 0);
    let mut actions = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let session = NewSession {
            selector: Selector::new(["demo".to_owned()]).expect("a topic"),
            grant: Selector::none(),
            resume: Some(Resume { position: start.clone(), lost: None, resumed: true, untold: false }),
            asked: 0,
            max_bytes: u64::MAX,
            deadline: u64::MAX,
            retry: Duration::from_secs(1),
            quiet: false,
            ticket: None,
        };
        dispatcher.join(session, 0);
    }
    for read in 0..11 {
        let published = Position { epoch: EPOCH.to_owned(), sequence: (read + 1) * 100 };
        dispatcher.hint(&Hint { topic: topic_key("demo"), position: published });
        dispatcher.round(0, &mut actions);
        let mut reads = false;
        for action in actions.split_off(0) {
            match action {
                Action::Write { session, chunk: mut buffer, .. } => {
                    buffer.clear();
                    dispatcher.write_ended(black_box(session), buffer, 0);
                }
                Action::Read(_) => reads = true,
                _ => {}
            }
        }
        if reads && read < 10 {
            dispatcher.read_ended(Ok(Answer::Page(page(read * 100))), 0, &mut actions);
        }
    }
}
