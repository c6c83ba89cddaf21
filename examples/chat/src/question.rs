//! What a client asks: the JSON of a request's body.

use serde_json::{Map, Value, json};

/// How many bytes a question may have.
pub const MAX_BODY: usize = 256 * 1024;

/// A question, with all that was said before it.
#[derive(Debug, PartialEq)]
pub struct Question {
    /// How its messages are written, and so how its answer is.
    pub format: Format,
    body: Map<String, Value>,
}

/// A way to write messages and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As chat completions have it: messages with `content`, an answer of `choices`.
    Completions,
    /// As the AI SDK has it: messages with `parts`, an answer that is a UI message stream.
    UiMessages,
}

impl Question {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// One sentence that says what the body must have.
    pub fn parse(body: &[u8]) -> Result<Question, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        let Value::Object(body) = body else {
            return Err("the body must be a JSON object with the field messages".to_owned());
        };
        let messages = body.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
        let messages = messages.ok_or("the field messages must be an array with at least one message")?;
        let all = |field: &str, fits: fn(&Value) -> bool| {
            messages.iter().all(|message| {
                message.get("role").is_some_and(Value::is_string) && message.get(field).is_some_and(fits)
            })
        };
        let format = if all("parts", Value::is_array) {
            Format::UiMessages
        } else if all("content", |content| content.is_string() || content.is_array() || content.is_null()) {
            Format::Completions
        } else {
            return Err("each message must be an object with a role and a content, as chat completions have it, or \
                        with a role and parts, as the AI SDK has it"
                .to_owned());
        };
        Ok(Question { format, body })
    }

    /// The id of the chat, where the AI SDK puts it.
    pub fn chat(&self) -> Option<&str> {
        self.body.get("id").and_then(Value::as_str)
    }

    /// The body of the request to the upstream. What the AI SDK wrote is sent on as it is; chat completions are sent
    /// their messages, and nothing else that the client may have written.
    pub fn into_body(mut self, model: &str) -> String {
        if self.format == Format::UiMessages {
            return Value::Object(self.body).to_string();
        }
        let messages = self.body.remove("messages").unwrap_or_default();
        let mut body = json!({ "stream": true, "messages": messages });
        if let (Some(body), false) = (body.as_object_mut(), model.is_empty()) {
            body.insert("model".to_owned(), model.into());
        }
        body.to_string()
    }

    /// The text of the last message.
    pub fn text(&self) -> String {
        let last = self.body.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
        let content = last.and_then(|last| last.get("content").or_else(|| last.get("parts")));
        match content {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => {
                parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
            }
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Question {
        Question::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_question_is_written_as_chat_completions_have_it() {
        let question = parsed(
            r#"{"model": "dear", "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]}"#,
        );
        assert_eq!((question.format, question.text().as_str(), question.chat()), (Format::Completions, "why?", None));
        let sent: Value = serde_json::from_str(&question.into_body("small")).unwrap();
        let messages = json!([{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]);
        assert_eq!(sent, json!({"stream": true, "model": "small", "messages": messages}));
    }

    #[test]
    fn a_model_is_named_if_there_is_one() {
        let body = parsed(r#"{"messages": [{"role": "user", "content": "why?"}]}"#).into_body("");
        assert!(!body.contains("model"), "{body}");
    }

    #[test]
    fn a_question_of_the_ai_sdk_is_sent_on_as_it_is() {
        let body = r#"{"id":"c1","messages":[{"id":"u1","role":"user","parts":[{"type":"text","text":"wh"},{"type":"file"},{"type":"text","text":"y?"}]}],"trigger":"submit-message"}"#;
        let question = parsed(body);
        assert_eq!(
            (question.format, question.text().as_str(), question.chat()),
            (Format::UiMessages, "why?", Some("c1"))
        );
        let sent: Value = serde_json::from_str(&question.into_body("small")).unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(body).unwrap());
    }

    #[test]
    fn content_may_have_parts_or_be_null() {
        let question = parsed(
            r#"{"messages": [{"role": "assistant", "content": null}, {"role": "user", "content": [{"type": "text", "text": "a"}]}]}"#,
        );
        assert_eq!((question.format, question.text().as_str()), (Format::Completions, "a"));
    }

    #[test]
    fn a_body_that_is_no_question_is_refused_with_one_sentence() {
        for (body, expected) in [
            ("", "the body is not JSON: "),
            ("hello", "the body is not JSON: "),
            ("[]", "must be a JSON object"),
            ("{}", "the field messages must be"),
            (r#"{"messages": "hi"}"#, "the field messages must be"),
            (r#"{"messages": []}"#, "the field messages must be"),
            (r#"{"messages": ["hi"]}"#, "each message must be"),
            (r#"{"messages": [{"content": "hi"}]}"#, "each message must be"),
            (r#"{"messages": [{"role": "user"}]}"#, "each message must be"),
            (r#"{"messages": [{"role": "user", "content": 7}]}"#, "each message must be"),
            (r#"{"messages": [{"role": "user", "content": "a"}, {"role": "user", "parts": []}]}"#, "each message"),
        ] {
            let error = Question::parse(body.as_bytes()).unwrap_err();
            assert!(error.contains(expected) && error.lines().count() == 1, "{body}: {error}");
        }
    }
}
