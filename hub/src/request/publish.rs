//! What a publisher sends: a body to updates.

use std::time::Duration;

use crate::request::form::{self, FORM};
use crate::request::json::{Json, MAX_VALUES};
use crate::request::refusal::Refusal;
use crate::topic::field::{self, InvalidField};
use crate::topic::text::InvalidText;
use crate::topic::topic::{InvalidTopic, Topic};
use crate::topic::update::{self, InvalidUpdate, MAX_BYTES, Update};
use http::StatusCode;

/// How many bytes a body has at most. Who reads it stops after them, with [`too_large`].
pub(crate) const MAX_BODY: usize = MAX_BYTES;
/// How many updates a batch has at most.
pub(crate) const MAX_BATCH: usize = 1_000;

const NDJSON: &[u8] = b"application/x-ndjson";

/// Reads the updates of a body: one of a form, 1 to [`MAX_BATCH`] of lines of JSON, one a line. All or none.
///
/// Fields, of a form or of an object: `topic` (1 to 100; in JSON a string or an array of strings), `data`,
/// `id`, `type`, `retry` (in JSON a number, or digits), `private` (in a form by its presence, in JSON a boolean) and
/// `last` (in a form by its presence, unless it is `false` or `0`, in JSON a boolean).
/// Only `topic` must be there; without `data`, it is empty. An empty `id`, `type` or `retry` is as if it were not
/// there: pages with a form send those. Other fields are ignored. Of one that a form has twice, the first counts, as
/// with other hubs; in JSON it is refused, since only one of the two could arrive.
///
/// # Errors
///
/// 400, 413 or 415; in a batch, the reason begins with the number of the line.
pub(crate) fn parse(content_type: Option<&[u8]>, body: &[u8]) -> Result<Vec<Update>, Refusal> {
    if body.len() > MAX_BODY {
        return Err(too_large());
    }
    match form::media_type(content_type) {
        form if form.eq_ignore_ascii_case(FORM) => Ok(vec![from_form(body)?]),
        ndjson if ndjson.eq_ignore_ascii_case(NDJSON) => batch(body),
        _ => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has another content-type: send application/x-www-form-urlencoded or application/x-ndjson",
        )),
    }
}

/// The refusal of a body that is larger than [`MAX_BODY`], for who stops reading it.
pub(crate) fn too_large() -> Refusal {
    Refusal::too_large(format!("the body is larger than {MAX_BODY} bytes: send less at a time"))
}

fn from_form(body: &[u8]) -> Result<Update, Refusal> {
    let mut fields = Fields { first: true, ..Fields::default() };
    for (name, value) in form::pairs(body) {
        let (Ok(name), Ok(value)) = (str::from_utf8(&name), String::from_utf8(value.into_owned())) else {
            return Err(Refusal::bad_request("the form is not UTF-8: encode its names and values as UTF-8"));
        };
        match name {
            "topic" => fields.topic(value)?,
            "data" => fields.data(value)?,
            "id" => fields.id(value)?,
            "type" => fields.name(value)?,
            "retry" => fields.retry(&value)?,
            // Whatever its value: `private=false` is private too, says the protocol.
            "private" => fields.private = Some(true),
            // This is not of the protocol, and ends a topic for good: `last=false` means what it says.
            "last" => fields.last(!matches!(&*value, "false" | "0"))?,
            _ => {}
        }
    }
    fields.into_update()
}

fn batch(body: &[u8]) -> Result<Vec<Update>, Refusal> {
    let mut updates = Vec::new();
    for (number, line) in (1_usize..).zip(body.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if updates.len() == MAX_BATCH {
            return Err(Refusal::too_large(format!("the batch has more than {MAX_BATCH} updates: send several")));
        }
        let update = from_json(line);
        updates.push(update.map_err(|refusal| Refusal { reason: format!("line {number}: {refusal}"), ..refusal })?);
    }
    if updates.is_empty() {
        return Err(Refusal::bad_request("the batch is empty: send one JSON object a line"));
    }
    Ok(updates)
}

fn from_json(line: &[u8]) -> Result<Update, Refusal> {
    let not_an_object = |column| {
        Refusal::bad_request(format!(
            "this is no JSON object as of column {column}: send one a line, of {MAX_VALUES} values at most"
        ))
    };
    let Json::Object(members) = Json::read(line).map_err(not_an_object)? else { return Err(not_an_object(1)) };
    let mut fields = Fields::default();
    for (name, value) in members {
        match (&*name, value) {
            ("topic", Json::Text(topic)) if fields.topics.is_empty() => fields.topic(topic)?,
            ("topic", Json::List(topics)) if fields.topics.is_empty() => {
                for topic in topics {
                    let Json::Text(topic) = topic else {
                        return Err(mistyped("topic", "a string or an array of strings"));
                    };
                    fields.topic(topic)?;
                }
            }
            ("topic", Json::Text(_) | Json::List(_)) => {
                return Err(Refusal::bad_request("topic is there twice: make it an array"));
            }
            ("topic", _) => return Err(mistyped("topic", "a string or an array of strings")),
            ("data", Json::Text(data)) => fields.data(data)?,
            ("data", _) => return Err(mistyped("data", "a string, with JSON encoded into it")),
            ("id", Json::Text(id)) => fields.id(id)?,
            ("id", _) => return Err(mistyped("id", "a string")),
            ("type", Json::Text(name)) => fields.name(name)?,
            ("type", _) => return Err(mistyped("type", "a string")),
            ("retry", Json::Text(digits)) => fields.retry(&digits)?,
            ("retry", Json::Whole(millis)) => fields.retry(&millis.to_string())?,
            ("retry", Json::Number(_)) => fields.retry("-")?,
            ("retry", _) => return Err(mistyped("retry", "a number of milliseconds")),
            ("private", Json::Bool(private)) => set(false, &mut fields.private, "private", Some(private))?,
            ("private", _) => return Err(mistyped("private", "true or false")),
            ("last", Json::Bool(last)) => fields.last(last)?,
            ("last", _) => return Err(mistyped("last", "true or false")),
            _ => {}
        }
    }
    fields.into_update()
}

fn mistyped(field: &str, expected: &str) -> Refusal {
    Refusal::bad_request(format!("{field} has another type: make it {expected}, or leave it out"))
}

/// What has been read of an update.
#[derive(Default)]
struct Fields {
    topics: Vec<Topic>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    retry: Option<Duration>,
    private: Option<bool>,
    last: Option<bool>,
    /// Of a field that is there twice, the first counts.
    first: bool,
}

impl Fields {
    fn topic(&mut self, topic: String) -> Result<(), Refusal> {
        Ok(update::add(&mut self.topics, topic)?)
    }

    fn data(&mut self, data: String) -> Result<(), Refusal> {
        set(self.first, &mut self.data, "data", Some(data))
    }

    fn id(&mut self, id: String) -> Result<(), Refusal> {
        set(self.first, &mut self.id, "id", Some(id).filter(|id| !id.is_empty()))
    }

    fn name(&mut self, name: String) -> Result<(), Refusal> {
        set(self.first, &mut self.name, "type", Some(name).filter(|name| !name.is_empty()))
    }

    fn retry(&mut self, digits: &str) -> Result<(), Refusal> {
        if self.first && self.retry.is_some() {
            return Ok(());
        }
        let retry = if digits.is_empty() { None } else { Some(field::retry(digits).map_err(InvalidUpdate::Field)?) };
        set(self.first, &mut self.retry, "retry", retry)
    }

    fn last(&mut self, last: bool) -> Result<(), Refusal> {
        set(self.first, &mut self.last, "last", Some(last))
    }

    fn into_update(self) -> Result<Update, Refusal> {
        let Fields { topics, data, id, name, retry, private, last, .. } = self;
        if topics.is_empty() {
            return Err(Refusal::bad_request("topic is missing: name at least one"));
        }
        let data = data.unwrap_or_default();
        let mut update = Update::of(topics, id.as_deref(), name.as_deref(), retry, &data)?;
        if private == Some(true) {
            update = update.private();
        }
        Ok(if last == Some(true) { update.last() } else { update })
    }
}

fn set<T>(first: bool, field: &mut Option<T>, name: &str, value: Option<T>) -> Result<(), Refusal> {
    if field.is_some() {
        if first {
            return Ok(());
        }
        return Err(Refusal::bad_request(format!("{name} is there twice: send it once")));
    }
    *field = value;
    Ok(())
}

impl From<InvalidUpdate> for Refusal {
    fn from(invalid: InvalidUpdate) -> Refusal {
        match invalid {
            InvalidUpdate::TooManyTopics
            | InvalidUpdate::TooLarge
            | InvalidUpdate::Topic(InvalidTopic::Text(InvalidText::TooLong))
            | InvalidUpdate::Field(InvalidField::Text(_, InvalidText::TooLong)) => {
                Refusal::too_large(invalid.to_string())
            }
            _ => Refusal::bad_request(invalid.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use spin_sse::{Event, Id};

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";
    const NDJSON: &str = "application/x-ndjson";

    fn one(content_type: &str, body: &str) -> Update {
        let mut updates = parse(Some(content_type.as_bytes()), body.as_bytes()).unwrap();
        assert_eq!(updates.len(), 1);
        updates.remove(0)
    }

    #[track_caller]
    fn refused(content_type: &str, body: &[u8], status: u16, sentence: &str) {
        let refusal = parse(Some(content_type.as_bytes()), body).unwrap_err();
        assert_eq!(refusal.status.as_u16(), status, "{refusal}");
        assert!(refusal.reason.contains(sentence), "{refusal}");
        assert!(!refusal.reason.ends_with('.') && refusal.challenge.is_none());
    }

    /// The same update, as a form and as a line.
    #[track_caller]
    fn both(form: &str, json: &str, expected: &Update) {
        assert_eq!(&one(FORM, form), expected);
        assert_eq!(&one(NDJSON, json), expected);
    }

    #[track_caller]
    fn both_refused(form: &str, json: &str, status: u16, sentence: &str) {
        refused(FORM, form.as_bytes(), status, sentence);
        refused(NDJSON, json.as_bytes(), status, &format!("line 1: {sentence}"));
    }

    fn update(topics: &[&str]) -> Update {
        update_with(topics, Event::new(""))
    }

    fn update_with(topics: &[&str], event: Event<'static>) -> Update {
        let update = Update::new(topics[0], event).unwrap();
        topics[1..].iter().fold(update, |update, topic| update.also(*topic).unwrap())
    }

    #[test]
    fn a_topic_is_enough() {
        both("topic=a", r#"{"topic":"a"}"#, &update(&["a"]));
    }

    #[test]
    fn every_field_arrives() {
        let event = Event::new("é &\r\n").name("added").id(Id::from_static("urn:1"));
        let event = event.retry(Duration::from_millis(1_500));
        let full = update_with(&["https://example.com/1", "b c"], event).private().last();
        both(
            "topic=https%3A%2F%2Fexample.com/1&data=%C3%A9+%26%0D%0A&topic=b+c&id=urn:1&type=added&retry=1500&private=on&last=on&other=1",
            r#"{"topic":["https://example.com/1","b c"],"data":"é &\r\n","id":"urn:1","type":"added","retry":1500,"private":true,"last":true,"other":{}}"#,
            &full,
        );
    }

    #[test]
    fn last_is_by_presence_in_a_form_unless_it_says_no_and_a_boolean_in_json() {
        for (form, last) in [
            ("topic=a&last", true),
            ("topic=a&last=", true),
            ("last=1&topic=a", true),
            ("topic=a&last=true", true),
            ("topic=a&last=false", false),
            ("topic=a&last=0", false),
            ("topic=a", false),
        ] {
            assert_eq!(one(FORM, form).is_last(), last, "{form}");
        }
        assert!(one(NDJSON, r#"{"topic":"a","last":true}"#).is_last());
        assert!(!one(NDJSON, r#"{"topic":"a","last":false}"#).is_last());
        for value in ["1", "\"true\"", "null"] {
            refused(NDJSON, format!(r#"{{"topic":"a","last":{value}}}"#).as_bytes(), 400, "make it true or false");
        }
        refused(NDJSON, br#"{"topic":"a","last":true,"last":false}"#, 400, "last is there twice");
    }

    #[test]
    fn private_is_by_presence_in_a_form_and_a_boolean_in_json() {
        for form in ["topic=a&private", "topic=a&private=", "topic=a&private=false", "private=0&topic=a&private=on"] {
            assert!(one(FORM, form).is_private(), "{form}");
        }
        assert!(!one(NDJSON, r#"{"topic":"a","private":false}"#).is_private());
        for value in ["\"on\"", "1", "null", "[]"] {
            refused(NDJSON, format!(r#"{{"topic":"a","private":{value}}}"#).as_bytes(), 400, "make it true or false");
        }
    }

    #[test]
    fn an_empty_id_type_or_retry_is_none() {
        both("topic=a&id=&type=&retry=", r#"{"topic":"a","id":"","type":"","retry":""}"#, &update(&["a"]));
    }

    #[test]
    fn a_retry_time_in_json_is_a_number_or_digits() {
        for value in ["5000", "\"5000\""] {
            let body = format!(r#"{{"topic":"a","retry":{value}}}"#);
            assert_eq!(one(NDJSON, &body), update_with(&["a"], Event::new("").retry(Duration::from_secs(5))));
        }
        for value in ["-1", "1.5", "1e3", "\"1s\"", "3000000000", "99999999999999999999999"] {
            refused(NDJSON, format!(r#"{{"topic":"a","retry":{value}}}"#).as_bytes(), 400, "retry is no time");
        }
    }

    #[test]
    fn a_field_that_is_wrong_is_named() {
        both_refused("data=x", r#"{"data":"x"}"#, 400, "topic is missing");
        both_refused("", "{}", 400, "topic is missing");
        both_refused("topic=", r#"{"topic":""}"#, 400, "topic is empty");
        both_refused("topic=a&topic=*", r#"{"topic":["a","*"]}"#, 400, "topic is *");
        both_refused("topic=a%0Ab", r#"{"topic":"a\nb"}"#, 400, "topic contains U+000A");
        both_refused("topic=%EF%BB%BFa", r#"{"topic":"\ufeffa"}"#, 400, "topic contains U+FEFF");
        both_refused(
            "topic=/.well-known/%256Dercure/x",
            r#"{"topic":"/.well-known/%6Dercure/x"}"#,
            400,
            "topic \"/.well-known/%6Dercure/x\" resolves",
        );
        both_refused("topic=a&id=%23x", r##"{"topic":"a","id":"#x"}"##, 400, "id begins with #");
        both_refused("topic=a&id=earliest", r#"{"topic":"a","id":"earliest"}"#, 400, "id is earliest");
        both_refused("topic=a&id=%00", r#"{"topic":"a","id":"\u0000"}"#, 400, "id contains U+0000");
        both_refused("topic=a&type=mercure", r#"{"topic":"a","type":"mercure"}"#, 400, "type mercure is for the hub");
        both_refused("topic=a&type=a%0Did:+x", r#"{"topic":"a","type":"a\rid: x"}"#, 400, "type contains U+000D");
        both_refused("topic=a&retry=5s", r#"{"topic":"a","retry":"5s"}"#, 400, "retry is no time");
    }

    #[test]
    fn of_a_field_that_is_there_twice_the_first_counts_in_a_form_and_json_is_refused() {
        let event = Event::new("1").name("a").id(Id::from_static("i")).retry(Duration::from_millis(7));
        let twice = "topic=a&data=1&data=2&id=i&id=j&type=a&type=b&retry=7&retry=x&last=0&last=1";
        assert_eq!(one(FORM, twice), update_with(&["a"], event));
        assert_eq!(
            one(FORM, "topic=a&data=&data=2&id=&id=i"),
            update_with(&["a"], Event::new("").id(Id::from_static("i")))
        );
        for (name, first, second) in
            [("data", "\"1\"", "\"2\""), ("id", "\"1\"", "\"1\""), ("retry", "1", "2"), ("private", "true", "false")]
        {
            let body = format!(r#"{{"topic":"a","{name}":{first},"{name}":{second}}}"#);
            refused(NDJSON, body.as_bytes(), 400, &format!("{name} is there twice"));
        }
    }

    #[test]
    fn what_is_too_long_or_too_much_is_413() {
        let long = "a".repeat(1_025);
        both_refused(
            &format!("topic={long}"),
            &format!(r#"{{"topic":"{long}"}}"#),
            413,
            "topic is longer than 1024 bytes",
        );
        both_refused(&format!("topic=a&id={long}"), &format!(r#"{{"topic":"a","id":"{long}"}}"#), 413, "id is longer");
        let topics = |count| vec!["topic=a"; count].join("&");
        let array = |count| format!(r#"{{"topic":[{}]}}"#, vec![r#""a""#; count].join(","));
        both(&topics(100), &array(100), &update(&["a"; 100]));
        both_refused(&topics(101), &array(101), 413, "more than 100 topics");
        let mut body = b"topic=a&data=".to_vec();
        body.resize(MAX_BODY, b'x');
        assert!(parse(Some(FORM.as_bytes()), &body).is_ok());
        let lines = "%0A".repeat(200_000);
        refused(
            FORM,
            format!("topic=a&data={lines}").as_bytes(),
            413,
            "the update's event would be larger than 1048576 bytes",
        );
        body.push(b'x');
        refused(FORM, &body, 413, "the body is larger than 1048576 bytes");
        refused(NDJSON, &body, 413, "the body is larger than 1048576 bytes");
    }

    #[test]
    fn a_content_type_is_needed_and_its_parameters_and_case_do_not_matter() {
        for content_type in
            [FORM, "Application/X-WWW-Form-URLencoded", "application/x-www-form-urlencoded ; charset=UTF-8"]
        {
            assert_eq!(one(content_type, "topic=a"), update(&["a"]));
        }
        for content_type in
            ["", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx"]
        {
            refused(content_type, b"topic=a", 415, "send application/x-www-form-urlencoded or application/x-ndjson");
        }
        assert_eq!(parse(None, b"topic=a").unwrap_err().status, 415);
    }

    #[test]
    fn a_form_that_is_not_utf_8_is_refused_as_a_whole() {
        for body in [&b"topic=a&data=%FF"[..], b"topic=a&data=\xff", b"topic=%C3", b"topic=a&%FF=1"] {
            refused(FORM, body, 400, "the form is not UTF-8");
        }
    }

    #[test]
    fn a_batch_is_one_update_a_line_and_blank_lines_do_not_count() {
        let body = "{\"topic\":\"a\"}\r\n\n  \t\r\n{\"topic\":\"b\",\"data\":\"x\"}";
        let updates = parse(Some(NDJSON.as_bytes()), body.as_bytes()).unwrap();
        assert_eq!(updates, [update(&["a"]), update_with(&["b"], Event::new("x"))]);
        let line = "{\"topic\":\"a\"}\n";
        assert_eq!(parse(Some(NDJSON.as_bytes()), line.repeat(1_000).as_bytes()).unwrap().len(), 1_000);
        refused(NDJSON, line.repeat(1_001).as_bytes(), 413, "more than 1000 updates");
        for body in ["", "\n\n", " \r\n"] {
            refused(NDJSON, body.as_bytes(), 400, "the batch is empty");
        }
    }

    #[test]
    fn a_line_that_is_wrong_is_named_by_its_number() {
        let after = |line: &str| format!("{{\"topic\":\"a\"}}\n\n{line}\n{{\"topic\":\"b\"}}");
        for line in [
            "x",
            "[]",
            "\"topic\"",
            "1",
            "null",
            "{\"topic\":\"a\"",
            "{\"topic\":\"a\"} {}",
            "{\"topic\":\"\\ud800\"}",
            "{'topic':1}",
        ] {
            refused(NDJSON, after(line).as_bytes(), 400, "line 3: this is no JSON object as of column");
        }
        refused(NDJSON, after("{}").as_bytes(), 400, "line 3: topic is missing");
        refused(NDJSON, b"{\"topic\":\"a\",\"data\":\"\xff\"}", 400, "line 1: this is no JSON object");
        refused(NDJSON, ("[".repeat(100_000)).as_bytes(), 400, "line 1: this is no JSON object");
    }

    #[test]
    fn a_member_of_another_type_is_named() {
        for (member, sentence) in [
            (r#""topic":1"#, "topic has another type: make it a string or an array of strings"),
            (r#""topic":["a",null]"#, "topic has another type"),
            (r#""topic":[]"#, "topic is missing"),
            (r#""topic":"a","topic":"b""#, "topic is there twice: make it an array"),
            (r#""topic":"a","data":{"x":1}"#, "data has another type: make it a string, with JSON encoded into it"),
            (r#""topic":"a","data":null"#, "data has another type"),
            (r#""topic":"a","id":7"#, "id has another type: make it a string, or leave it out"),
            (r#""topic":"a","type":null"#, "type has another type"),
            (r#""topic":"a","retry":true"#, "retry has another type: make it a number of milliseconds"),
            (r#""topic":"a","private":true,"private":false"#, "private is there twice"),
        ] {
            refused(NDJSON, format!("{{{member}}}").as_bytes(), 400, &format!("line 1: {sentence}"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(Some(FORM.as_bytes()), &body);
            let _ = parse(Some(NDJSON.as_bytes()), &body);
            let _ = parse(Some(&body), &body);
        }

        #[test]
        fn no_form_and_no_object_makes_it_panic(
            values in proptest::collection::vec((prop::sample::select(vec!["topic", "data", "id", "type", "retry", "private", "last"]), ".*"), 0..6),
        ) {
            let object: Vec<_> = values.iter().map(|(name, value)| format!("{name:?}:{}", Value::from(value.as_str()))).collect();
            let from_json = parse(Some(NDJSON.as_bytes()), format!("{{{}}}", object.join(",")).as_bytes());
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            let from_form = parse(Some(FORM.as_bytes()), form.extend_pairs(&values).finish().as_bytes());
            if !values.iter().any(|(name, _)| ["private", "last", "topic"].contains(name)) {
                prop_assert!(from_json.is_err() && from_form.is_err());
            }
        }

        #[test]
        fn a_form_means_what_was_put_into_it(topics in proptest::collection::vec("\\PC{1,20}", 1..4), data in "(?s).*") {
            let Ok(expected) = topics.iter().map(|topic| Topic::new(topic.as_str())).collect::<Result<Vec<_>, _>>() else {
                return Ok(());
            };
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(topics.iter().map(|topic| ("topic", topic))).append_pair("data", &data);
            let update = one(FORM, &form.finish());
            prop_assert_eq!(update.topics(), expected);
            prop_assert_eq!(update.into_event().1, Update::new("a", Event::new(data)).unwrap().into_event().1);
        }
    }
}
