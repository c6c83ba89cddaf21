//! Clients of the AI SDK, npm's package `ai`, on the chat of `examples/chat`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::packages::{Program, npm};
use crate::support::model::Script;
use crate::support::server::chat;
use crate::support::upstream::{Step, Upstream};

/// The newest of each line that is used today.
const VERSIONS: [&str; 2] = ["6.0.326", "7.0.173"];
const WORDS: usize = 60;

/// What the client says at a step.
struct Steps(Program);

impl Steps {
    async fn next(&mut self, step: &str) -> Value {
        let said: Value = serde_json::from_str(&self.0.line().await).unwrap();
        assert_eq!(said["step"], step, "{said}");
        said
    }
}

#[tokio::test]
#[ignore = "needs Node"]
async fn clients_of_the_ai_sdk_are_cut_and_have_every_word_once() {
    let words: Vec<String> = (0..WORDS).map(|n| format!("w{n} ")).collect();
    let answer = words.concat();
    for version in VERSIONS {
        let directory = npm(&format!("ai-{version}"), &[&format!("ai@{version}")]).await;
        std::fs::write(directory.join("client.mjs"), include_str!("ai_sdk.mjs")).unwrap();
        // A client takes two messages with one id for one message.
        let answers = (0..5).map(|n| {
            let script = Script::ui_messages(&format!("answer {n}"), &words, Duration::from_millis(20));
            match n {
                // Time to come back to it.
                0 | 1 => script.answer_with(WORDS / 2, Step::Pause(Duration::from_secs(5))),
                4 => script.answer_with(WORDS / 2, Step::Hold),
                _ => script.answer(),
            }
        });
        let upstream = Upstream::start(answers).await;
        let server = chat().variable("upstream", upstream.url("/api/chat")).start().await;
        let mut command = Command::new("node");
        command.args(["client.mjs", &format!("http://{}", server.address())]).current_dir(&directory);
        let mut steps = Steps(Program::start("the client", command));

        let left = steps.next("left").await;
        let had = left["text"].as_str().unwrap();
        assert!(had.len() > 30 && had.len() < answer.len() && answer.starts_with(had), "{had:?}");
        let back = steps.next("back").await;
        assert_eq!(back, json!({"step": "back", "text": answer, "id": "answer 0", "parts": 1}));
        assert_eq!(steps.next("over").await["stream"], Value::Null);

        let cut = steps.next("cut").await;
        assert_eq!(cut["status"], "error");
        assert!(cut["texts"][1].as_str().unwrap().len() < answer.len(), "{cut}");
        for step in ["resumed", "resumed when there is nothing"] {
            let chat = steps.next(step).await;
            assert_eq!((&chat["status"], &chat["texts"]), (&json!("ready"), &json!(["why?", answer])), "{version}");
        }
        for step in ["second question", "regenerated"] {
            let chat = steps.next(step).await;
            assert_eq!(
                (&chat["error"], &chat["texts"]),
                (&Value::Null, &json!(["why?", answer, "how?", answer])),
                "{version}: {step}"
            );
        }
        assert_eq!(upstream.asked().len(), 4, "each question is asked once");
        let stopped = steps.next("stopped").await;
        assert_eq!(stopped["status"], "ready");
        let text = stopped["texts"][5].as_str().unwrap();
        assert!(text.len() < answer.len() && answer.starts_with(text), "{text:?}");
        upstream.left(1).await;
    }
}
