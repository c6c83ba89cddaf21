//! Replies as text.

use redis::Value;

/// A line for each value. A missing value is an empty line, and an array leaves no trace of where it starts and ends.
pub(crate) fn lines(reply: Value) -> String {
    let mut lines = Vec::new();
    append(&mut lines, reply);
    lines.join("\n")
}

fn append(lines: &mut Vec<String>, reply: Value) {
    lines.push(match reply {
        Value::Nil => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Okay => "OK".to_owned(),
        Value::SimpleString(text) => text,
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Array(values) => return values.into_iter().for_each(|value| append(lines, value)),
        other => panic!("a Redis that speaks RESP2 does not answer with {other:?}"),
    });
}
