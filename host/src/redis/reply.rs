//! What a component is given of a reply: a list without structure.

use super::bindings::spin::redis::redis::{Error, RedisResult as Part};
use ::redis::{RedisError, Value};

/// Bytes of a reply that a component may be given, as in Spin.
const LIMIT: usize = 128 * 1024 * 1024;

/// An error of a server, or of the connection to it.
pub(super) fn other(error: RedisError) -> Error {
    Error::Other(error.to_string())
}

/// The parts of a reply in their order; arrays and sets leave no trace of where they start and end.
pub(super) fn flatten(reply: Value) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    append(&mut parts, reply)?;
    let size = |part: &Part| match part {
        Part::Nil | Part::Int64(_) => 0,
        Part::Status(text) => text.len(),
        Part::Binary(bytes) => bytes.len(),
    };
    check_size(parts.iter().map(|part| size_of::<Part>().saturating_add(size(part))).sum())?;
    Ok(parts)
}

/// Calls itself at most 100 times, as the client parses no deeper arrays.
fn append(parts: &mut Vec<Part>, reply: Value) -> Result<(), Error> {
    let unsupported = |kind| Err(Error::Other(format!("a component cannot be given a reply with {kind}")));
    parts.push(match reply {
        Value::Nil => Part::Nil,
        Value::Int(number) => Part::Int64(number),
        Value::Boolean(yes) => Part::Int64(yes.into()),
        Value::Okay => Part::Status("OK".into()),
        Value::SimpleString(text) => Part::Status(text),
        Value::BulkString(bytes) => Part::Binary(bytes),
        Value::Double(number) => Part::Binary(number.to_string().into()),
        Value::BigNumber(number) => Part::Binary(number.to_string().into()),
        Value::Array(values) | Value::Set(values) => {
            return values.into_iter().try_for_each(|value| append(parts, value));
        }
        Value::Map(_) => return unsupported("a map"),
        Value::Attribute { .. } => return unsupported("attributes"),
        Value::VerbatimString { .. } => return unsupported("a verbatim string"),
        Value::Push { .. } => return unsupported("a push message"),
        Value::ServerError(error) => return Err(other(error.into())),
    });
    Ok(())
}

/// Spin counts the vector that holds the bytes too.
pub(super) fn check_size(bytes: usize) -> Result<(), Error> {
    if bytes.saturating_add(size_of::<Vec<Part>>()) > LIMIT {
        return Err(Error::Other(format!("the reply is larger than {LIMIT} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::redis::{PushKind, VerbatimFormat, parse_redis_value};

    /// The parts of the reply that a server sends as these bytes, or the error.
    fn parts(sent: &str) -> String {
        shown(parse_redis_value(sent.as_bytes()).unwrap())
    }

    fn shown(reply: Value) -> String {
        match flatten(reply) {
            Ok(parts) => parts.iter().map(part).collect::<Vec<_>>().join(" "),
            Err(Error::Other(text)) => text,
            Err(error) => panic!("{error:?}"),
        }
    }

    fn part(part: &Part) -> String {
        match part {
            Part::Nil => "nil".into(),
            Part::Status(text) => format!("+{text}"),
            Part::Int64(number) => format!(":{number}"),
            Part::Binary(bytes) => format!("${}", bytes.escape_ascii()),
        }
    }

    #[test]
    fn every_simple_reply_is_one_part() {
        for (sent, expected) in [
            ("+OK\r\n", "+OK"),
            ("+PONG\r\n", "+PONG"),
            (":-7\r\n", ":-7"),
            ("$0\r\n\r\n", "$"),
            ("$2\r\n\0\n\r\n", "$\\x00\\n"),
            ("$-1\r\n", "nil"),
            ("*-1\r\n", "nil"),
            ("_\r\n", "nil"),
            ("#t\r\n", ":1"),
            (",1.5\r\n", "$1.5"),
            ("(123456789012345678901234567890\r\n", "$123456789012345678901234567890"),
        ] {
            assert_eq!(parts(sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn arrays_are_flattened_in_their_order() {
        for (sent, expected) in [
            ("*0\r\n", ""),
            ("*3\r\n:1\r\n$-1\r\n+a\r\n", ":1 nil +a"),
            ("~2\r\n:1\r\n:2\r\n", ":1 :2"),
            // XREAD: streams, of each its name and its entries, of each its ID and its fields.
            (
                "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$3\r\n2-0\r\n*-1\r\n",
                "$s $1-0 $a $b $2-0 nil",
            ),
        ] {
            assert_eq!(parts(sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn an_error_anywhere_in_a_reply_is_the_result() {
        for (sent, expected) in [
            ("-ERR no such key\r\n", "An error was signalled by the server - ResponseError: no such key"),
            ("-WRONGTYPE not a stream\r\n", "WRONGTYPE: not a stream"),
            ("*2\r\n:1\r\n-NOPERM no\r\n", "NOPERM: no"),
        ] {
            assert_eq!(parts(sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_reply_with_more_than_lists_is_refused() {
        let text = || Box::new(Value::Okay);
        for (reply, expected) in [
            (Value::Map(vec![]), "a map"),
            (Value::Array(vec![Value::Map(vec![])]), "a map"),
            (Value::Attribute { data: text(), attributes: vec![] }, "attributes"),
            (Value::VerbatimString { format: VerbatimFormat::Text, text: "t".into() }, "a verbatim string"),
            (Value::Push { kind: PushKind::Message, data: vec![] }, "a push message"),
        ] {
            assert_eq!(shown(reply), format!("a component cannot be given a reply with {expected}"));
        }
    }

    #[test]
    fn a_reply_may_be_as_large_as_in_spin() {
        let largest = LIMIT - size_of::<Vec<Part>>() - size_of::<Part>();
        assert!(flatten(Value::BulkString(vec![0; largest])).is_ok());
        assert_eq!(shown(Value::BulkString(vec![0; largest + 1])), "the reply is larger than 134217728 bytes");
    }
}
