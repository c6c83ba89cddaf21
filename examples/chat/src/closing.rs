//! The last event of an answer: how it ended.
//!
//! Its name is `end`, and its data is JSON with the field `reason`. The other fields are for clients that look into the
//! data of every event: the AI SDK reads `type`, and clients of chat completions read `error`.

use serde_json::{Value, json};

/// The name of the last event.
pub const NAME: &str = "end";

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The upstream said all.
    Finished,
    /// The client wanted no more.
    Stopped,
    /// The upstream could not be asked, or broke off.
    Failed,
    /// The host that relayed the answer died.
    Interrupted,
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Reason::Finished => "finished",
            Reason::Stopped => "stopped",
            Reason::Failed => "failed",
            Reason::Interrupted => "interrupted",
        }
    }
}

/// The data of the last event. `error` says why an answer failed.
pub fn data(reason: Reason, error: Option<&str>) -> String {
    let said = |text: &str| json!({"type": "error", "errorText": text, "error": {"message": text}});
    let mut data = match reason {
        Reason::Finished => json!({"type": "finish"}),
        Reason::Stopped => json!({"type": "abort"}),
        Reason::Failed => said(error.unwrap_or("the model failed: ask again")),
        Reason::Interrupted => said("the host of this answer went away: ask again"),
    };
    if let Value::Object(fields) = &mut data {
        fields.insert("reason".to_owned(), reason.word().into());
    }
    data.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reason: Reason, error: Option<&str>, expected: Value) {
        let data: Value = serde_json::from_str(&data(reason, error)).unwrap();
        assert_eq!(data, expected);
    }

    #[test]
    fn the_last_event_says_how_an_answer_ended_to_each_kind_of_client() {
        check(Reason::Finished, None, json!({"reason": "finished", "type": "finish"}));
        check(Reason::Stopped, None, json!({"reason": "stopped", "type": "abort"}));
        let error = json!({"reason": "failed", "type": "error", "errorText": "no", "error": {"message": "no"}});
        check(Reason::Failed, Some("no"), error);
        let interrupted: Value = serde_json::from_str(&data(Reason::Interrupted, None)).unwrap();
        assert_eq!((&interrupted["reason"], &interrupted["type"]), (&json!("interrupted"), &json!("error")));
    }
}
