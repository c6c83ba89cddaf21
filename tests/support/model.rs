//! What a model says, as an upstream answers it.

use std::time::Duration;

use serde_json::{Value, json};

use super::upstream::{Answer, Step, chunk, stream};

/// The data of a model's events, and how long the model thinks before each.
#[derive(Clone)]
pub struct Script {
    data: Vec<String>,
    pause: Duration,
}

impl Script {
    /// As chat completions have it.
    pub fn completions(words: &[String], pause: Duration) -> Script {
        let said = words.iter().map(|word| json!({"choices": [{"index": 0, "delta": {"content": word}}]}));
        Script::of(said, pause)
    }

    /// As the AI SDK has it: a UI message stream, of the message `id`.
    pub fn ui_messages(id: &str, words: &[String], pause: Duration) -> Script {
        let start = [json!({"type": "start", "messageId": id}), json!({"type": "text-start", "id": "text"})];
        let said = words.iter().map(|word| json!({"type": "text-delta", "id": "text", "delta": word}));
        let end = [json!({"type": "text-end", "id": "text"}), json!({"type": "finish", "finishReason": "stop"})];
        Script::of(start.into_iter().chain(said).chain(end), pause)
    }

    fn of(said: impl Iterator<Item = Value>, pause: Duration) -> Script {
        let data = said.map(|data| data.to_string()).chain(["[DONE]".to_owned()]).collect();
        Script { data, pause }
    }

    /// The data of its events.
    pub fn data(&self) -> Vec<&str> {
        self.data.iter().map(String::as_str).collect()
    }

    /// The answer of an upstream.
    pub fn answer(&self) -> Answer {
        let mut answer = self.cut();
        answer.push(Step::End);
        answer
    }

    /// The answer of an upstream that does something else before its event number `at`.
    pub fn answer_with(&self, at: usize, step: Step) -> Answer {
        let mut answer = self.answer();
        // After the head, a pause and a chunk for each event.
        answer.insert(1 + 2 * at, step);
        answer
    }

    /// The answer of an upstream that closes the connection before the body has ended.
    pub fn cut(&self) -> Answer {
        let pause = Step::Pause(self.pause);
        stream(self.data.iter().flat_map(|data| [pause.clone(), chunk(format!("data: {data}\n\n"))]))
    }
}
