//! `cargo bench -p bench`: the codecs beside their peers, and beside the copying of the same bytes.

mod allocations;
mod decoders;
mod encoders;
mod race;
mod shapes;

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocations::allocations;
use bench::report::{Report, Table};
use bytes::Bytes;
use decoders::Decode;
use encoders::Encode;
use race::{Lane, Result, race};
use shapes::{Fields, Shape};

fn main() -> anyhow::Result<()> {
    let shapes: &'static [Shape] = Vec::leak(shapes::all());
    let drips: &'static [Shape] = Vec::leak(shapes::drips());
    let mut report = Report::new("codecs", "The codecs", "cargo bench -p bench");
    report.say(
        "Times are how many times as long as spin-sse a peer takes for the same work: the median of the ratios of \
         neighbouring runs. `memcpy` is the copying of the same bytes into the same buffer. An asterisk: what came out is \
         not what the standard says.",
    );

    report.say("## Encoding");
    let mut table = head("allocations", &encoders::ALL.map(|(name, _)| name));
    for shape in shapes {
        table.row(encoding(shape));
    }
    report.table(&table);

    report.say("## Decoding, from slices of 16 KiB, and drop by drop");
    let mut table = head("allocations", &decoders::ALL.map(|(name, _)| name));
    for shape in shapes.iter().chain(drips) {
        table.row(decoding(shape));
    }
    report.table(&table);
    report.save()
}

fn head(what: &str, names: &[&str]) -> Table {
    let mut head = vec!["shape", "", "spin-sse", what, "memcpy"];
    head.extend(names.iter().skip(1));
    Table::new(&head)
}

fn encoding(shape: &'static Shape) -> Vec<String> {
    let encoded: Vec<Vec<u8>> = encoded(shape);
    let bytes = encoded.iter().map(Vec::len).sum::<usize>();
    let mut lanes: Vec<Lane> = Vec::new();
    let able = |name| shape.comments == 0 || !encoders::WITHOUT_COMMENTS.contains(&name);
    for (name, encode) in encoders::ALL.into_iter().filter(|(name, _)| able(name)) {
        lanes.push(Lane { name, batch: Box::new(move || encode(shape, &mut |bytes| _ = black_box(bytes))) });
    }
    lanes.push(Lane {
        name: "memcpy",
        batch: Box::new(|| encoders::memcpy(&encoded, &mut |bytes| _ = black_box(bytes))),
    });
    let right = encoders::ALL.map(|(name, encode)| (name, !able(name) || is_right(shape, encode)));
    let alone = allocations(|| _ = encoders::spin_sse(shape, &mut |_| {}));
    // One is the buffer.
    cells(shape, bytes, alone.saturating_sub(1), &race(lanes), &right)
}

fn decoding(shape: &'static Shape) -> Vec<String> {
    let slices = shape.stream();
    let bytes = slices.iter().map(Bytes::len).sum::<usize>();
    let timed = |work: &dyn Fn()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let slices = &slices;
    let mut lanes: Vec<Lane> = Vec::new();
    for (name, decode) in decoders::ALL {
        let once = move || decode(slices, &mut |name, data, id| _ = black_box((name, data, id)));
        lanes.push(Lane { name, batch: Box::new(move || timed(&once)) });
    }
    let copy = || decoders::memcpy(slices, &mut |bytes| _ = black_box(bytes));
    lanes.push(Lane { name: "memcpy", batch: Box::new(move || timed(&copy)) });
    let right = decoders::ALL.map(|(name, decode)| (name, received(slices, decode) == shape.received()));
    let alone = allocations(|| decoders::spin_sse(slices, &mut |_, _, _| {}));
    cells(shape, bytes, alone, &race(lanes), &right)
}

/// Each event, as it should be encoded.
fn encoded(shape: &Shape) -> Vec<Vec<u8>> {
    let one = |event: &Fields| {
        let mut bytes = Vec::new();
        encoders::spin_sse(&shape.only(event), &mut |encoded| bytes.extend_from_slice(encoded));
        bytes
    };
    shape.events.iter().map(one).collect()
}

/// Whether a receiver gets what the events are.
fn is_right(shape: &'static Shape, encode: Encode) -> bool {
    let mut bytes = Vec::new();
    encode(shape, &mut |encoded| bytes.extend_from_slice(encoded));
    received(&[Bytes::from(bytes)], decoders::spin_sse) == shape.received()
}

fn received(slices: &[Bytes], decode: Decode) -> Vec<Fields> {
    let mut events = Vec::new();
    decode(slices, &mut |name, data, id| {
        events.push(Fields { name: Some(name.to_owned()), id: Some(id.to_owned()), data: data.to_owned() });
    });
    events
}

/// A row: ours, and then as many times as long as that; `right` has the contenders in the order of the columns.
fn cells(shape: &Shape, bytes: usize, allocations: u64, results: &[Result], right: &[(&str, bool)]) -> Vec<String> {
    let ours = results[0].seconds;
    let per_event = Duration::from_secs_f64(ours / shape.events.len() as f64);
    let ratio = |name: &str| results.iter().find(|result| result.name == name).map(|result| result.ratio);
    let cell = |name: &str| ratio(name).map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    let mut cells = vec![
        shape.name.to_owned(),
        shape.what.to_owned(),
        format!("{per_event:.0?}, {:.2} GB/s{}", bytes as f64 / ours / 1e9, mark(right[0].1)),
        format!("{allocations} in {}", shape.events.len()),
        cell("memcpy"),
    ];
    cells.extend(right.iter().skip(1).map(|&(name, right)| cell(name) + mark(right)));
    cells
}

fn mark(right: bool) -> &'static str {
    if right { "" } else { "*" }
}
