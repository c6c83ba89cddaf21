//! JSON, read with `serde_json` into values that lose nothing.
//!
//! Its own `Value` keeps the last of two members of the same name and drops the first without a word. With its map, and
//! with errors that can have any number in them and so know how to print it, it would also cost the component 40 KB.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer as Text;

/// How many values a text has at most: a list of small ones takes twelve times as much memory as its text.
pub(crate) const MAX_VALUES: usize = 10_000;

/// A JSON text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number that is whole, not negative, and at most `u64::MAX`.
    Whole(u64),
    /// Any other number.
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Members),
}

/// The members of an object, in order, also those of the same name.
pub(crate) type Members = Vec<(String, Json)>;

impl Json {
    /// Reads a text that is one JSON value, with less than [`MAX_VALUES`] in it.
    ///
    /// # Errors
    ///
    /// The column from which on it is not, 0 before the first; the last column where it has too many values.
    pub(crate) fn read(text: &[u8]) -> Result<Json, usize> {
        let (left, mut from) = (Cell::new(MAX_VALUES), Text::from_slice(text));
        let json = Read(&left).deserialize(&mut from).and_then(|json| from.end().map(|()| json));
        let json = json.map_err(|error| error.column())?;
        if left.get() > 0 { Ok(json) } else { Err(text.len()) }
    }

    /// The member of that name, when this is an object that has one; the last one of several, as RFC 7519, section 4,
    /// has it for tokens.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        members.iter().rev().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// Whether an object in it has two members of the same name.
    pub(crate) fn repeats_a_name(&self) -> bool {
        match self {
            Json::List(items) => items.iter().any(Json::repeats_a_name),
            Json::Object(members) => {
                let mut names = HashSet::new();
                members.iter().any(|(name, value)| !names.insert(name.as_str()) || value.repeats_a_name())
            }
            _ => false,
        }
    }

    /// The text, when this is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The items, when this is a list.
    pub(crate) fn as_list(&self) -> Option<&[Json]> {
        if let Json::List(items) = self { Some(items) } else { None }
    }

    /// Whether this is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }
}

/// The texts of the items of a list, or of the members of an object, in order: as many as a value has that was
/// [read](Json::read) from this text. They are as they were written, with every digit of a number.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let cut = move |byte: char| {
        match byte {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth = depth.saturating_add(1),
            ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted => return depth == 0,
            _ => {}
        }
        false
    };
    let text = text.trim_ascii();
    let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    inside.split(cut).map(str::trim_ascii).filter(|part| !part.is_empty())
}

/// The text of the value of that name, in the object that was read from this text.
pub(crate) fn text_of<'t>(object: &Json, text: &'t str, name: &str) -> Option<&'t str> {
    let Json::Object(members) = object else { return None };
    let place = members.iter().position(|(member, _)| member == name)?;
    parts(text).nth(place).map(value_of)
}

/// The text of the value of an object's member, of which this is the text.
fn value_of(member: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    let colon = member.find(|byte| {
        match byte {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ':' => return !quoted,
            _ => {}
        }
        false
    });
    let value = colon.and_then(|colon| member.get(colon..)).unwrap_or_default();
    value.trim_start_matches(':').trim_ascii()
}

/// The text as JSON, in quotes.
pub(crate) fn quoted(text: &str) -> String {
    // Of a text, this does not fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// Reads values, of which so many may follow.
#[derive(Clone, Copy)]
struct Read<'l>(&'l Cell<usize>);

impl Read<'_> {
    /// Whether one more value is kept.
    fn keeps(self) -> bool {
        self.0.set(self.0.get().saturating_sub(1));
        self.0.get() > 0
    }
}

impl<'de> DeserializeSeed<'de> for Read<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Takes whatever comes: what is left to a default here is an error that prints it.
impl<'de> Visitor<'de> for Read<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(u64::try_from(number).map_or(Json::Number(number as f64), Json::Whole))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self)? {
            if self.keeps() {
                items.push(item);
            }
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry_seed(PhantomData, self)? {
            if self.keeps() {
                members.push(member);
            }
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(text: &str) -> Json {
        Json::Text(text.to_owned())
    }

    /// The same, but with the last of two members only.
    fn value(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => (*value).into(),
            Json::Whole(number) => (*number).into(),
            Json::Number(number) => (*number).into(),
            Json::Text(text) => text.as_str().into(),
            Json::List(items) => items.iter().map(value).collect(),
            Json::Object(members) => members.iter().map(|(name, member)| (name.clone(), value(member))).collect(),
        }
    }

    fn json(value: Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(value),
            Value::Number(number) => number.as_u64().map_or(Json::Number(number.as_f64().unwrap()), Json::Whole),
            Value::String(text) => Json::Text(text),
            Value::Array(items) => Json::List(items.into_iter().map(json).collect()),
            Value::Object(members) => {
                Json::Object(members.into_iter().map(|(name, value)| (name, json(value))).collect())
            }
        }
    }

    #[test]
    fn values_are_read() {
        for (json, expected) in [
            ("null", Json::Null),
            (" true\r\n", Json::Bool(true)),
            ("18446744073709551615", Json::Whole(u64::MAX)),
            ("18446744073709551616", Json::Number(18_446_744_073_709_551_616.0)),
            ("-5", Json::Number(-5.0)),
            ("5.0", Json::Number(5.0)),
            (r#""a\n\u00e9\ud83c\udf89""#, text("a\né🎉")),
            ("[[],{}]", Json::List(vec![Json::List(vec![]), Json::Object(vec![])])),
        ] {
            assert_eq!(Json::read(json.as_bytes()), Ok(expected), "{json}");
        }
    }

    #[test]
    fn members_come_in_order_and_none_is_lost() {
        let json = Json::read(br#"{"b": 1, "a": null, "b": "x"}"#).unwrap();
        let members = [("b", Json::Whole(1)), ("a", Json::Null), ("b", text("x"))];
        assert_eq!(json, Json::Object(members.map(|(name, value)| (name.to_owned(), value)).into()));
        assert_eq!((json.get("b"), json.get("c")), (Some(&text("x")), None));
        assert_eq!(Json::Null.get("b"), None);
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_column() {
        for (json, column) in
            [("", 0), ("x", 1), ("{\"a\":1", 6), ("{} x", 4), ("[1,]", 4), ("{'a':1}", 2), ("1e999", 5)]
        {
            assert_eq!(Json::read(json.as_bytes()), Err(column), "{json}");
        }
        assert!(Json::read("[".repeat(100_000).as_bytes()).is_err());
        assert!(Json::read(b"\"\xff\"").is_err());
        assert!(Json::read(br#""\ud800""#).is_err());
    }

    #[test]
    fn a_text_with_too_many_values_is_refused_however_they_are_nested() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert!(Json::read(list(MAX_VALUES - 1).as_bytes()).is_ok());
        let nested = format!("[{}[]]", format!("{},", list(100)).repeat(100));
        let members = format!("{{{}\"a\":0}}", "\"a\":0,".repeat(MAX_VALUES));
        for json in [list(MAX_VALUES), nested, members, list(500_000)] {
            assert_eq!(Json::read(json.as_bytes()), Err(json.len()));
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_found_at_any_depth() {
        for (json, expected) in [
            (r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}"#, false),
            (r#"{"a":1,"a":1}"#, true),
            (r#"{"a":1,"\u0061":1}"#, true),
            (r#"[1,[{"b":{"a":1,"a":2}}]]"#, true),
            (r#""a""#, false),
        ] {
            assert_eq!(Json::read(json.as_bytes()).unwrap().repeats_a_name(), expected, "{json}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_reads_what_the_library_reads(text in r#"(\{|\}|\[|\]|"|a|:|,|1|-1|0\.5|1e9|"a":1|,"b":\[\]|\\u0041|null|true| ){0,12}"#) {
            let library = serde_json::from_str(&text).map(json).map_err(|error| error.column());
            prop_assert_eq!(Json::read(text.as_bytes()).as_ref().map(value).ok(), library.as_ref().map(value).ok());
            prop_assert_eq!(Json::read(text.as_bytes()).err(), library.err());
        }

        #[test]
        fn the_parts_of_a_text_are_the_texts_of_its_parts(text in r#"[\[{]((\{|\}|\[|\]|"a|"|\\\\|\\"|,|:|1\.50| |"b":|\{"a":1\}|\[\]|"[,:\]}]"){0,8})[\]}]"#) {
            match Json::read(text.as_bytes()) {
                Ok(Json::List(items)) => {
                    let parts: Vec<Json> = parts(&text).map(|part| Json::read(part.as_bytes()).unwrap()).collect();
                    prop_assert_eq!(parts, items);
                }
                Ok(Json::Object(members)) => {
                    let values: Vec<Json> = parts(&text).map(|part| Json::read(value_of(part).as_bytes()).unwrap()).collect();
                    prop_assert_eq!(values, members.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
                }
                _ => {}
            }
        }

        #[test]
        fn a_quoted_text_is_read_as_it_was(original in "(?s).*") {
            prop_assert_eq!(Json::read(quoted(&original).as_bytes()), Ok(Json::Text(original)));
        }
    }
}
