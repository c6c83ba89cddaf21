//! A small model: it knows words and no answers, so that the chat works without a key.
//!
//! It is asked as any upstream is, by HTTP, and says the same to the same question.

use std::time::Duration;

use serde_json::json;

use crate::question::Format;

const OPENING: &str = "I am the small model inside this component. I know words, and no answers.";

const NOUNS: [&str; 16] = [
    "river", "letter", "harbour", "lantern", "engine", "garden", "signal", "mountain", "kettle", "window", "compass",
    "orchard", "ferry", "clock", "bridge", "stream",
];
const ADJECTIVES: [&str; 16] = [
    "quiet", "patient", "bright", "distant", "small", "careful", "early", "steady", "golden", "curious", "gentle",
    "hidden", "honest", "slow", "warm", "old",
];
const VERBS: [&str; 12] = [
    "follows",
    "remembers",
    "carries",
    "answers",
    "finds",
    "crosses",
    "repairs",
    "greets",
    "watches",
    "keeps",
    "lends",
    "returns to",
];

/// How much the model says, and how fast, by the query of its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many words.
    pub words: usize,
    /// How long it waits before each.
    pub pause: Duration,
}

impl Pace {
    /// Reads `words=…&pause_ms=…`. What is left out or wrong has its default: 120 words, one each 40 ms.
    pub fn parse(query: Option<&str>) -> Pace {
        let number = |wanted: &str| {
            let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == wanted).find_map(|(_, value)| value.parse::<u32>().ok())
        };
        let words = number("words").unwrap_or(120).min(10_000);
        Pace {
            words: usize::try_from(words).unwrap_or(usize::MAX),
            pause: Duration::from_millis(number("pause_ms").unwrap_or(40).min(10_000).into()),
        }
    }
}

/// What the model says to a question, word by word, for ever. Each word but the first has a space before it.
pub fn words(question: &str) -> impl Iterator<Item = String> {
    let mut dice = Dice::from(question);
    let sentences = std::iter::repeat_with(move || sentence(&mut dice));
    let text = std::iter::once(OPENING.to_owned()).chain(sentences);
    let words = text.flat_map(|sentence| sentence.split(' ').map(str::to_owned).collect::<Vec<_>>());
    words.enumerate().map(|(n, word)| if n == 0 { word } else { format!(" {word}") })
}

fn sentence(dice: &mut Dice) -> String {
    let (subject, object) = (dice.pick(&NOUNS), dice.pick(&NOUNS));
    let (first, second, verb) = (dice.pick(&ADJECTIVES), dice.pick(&ADJECTIVES), dice.pick(&VERBS));
    format!("The {first} {subject} {verb} the {second} {object}.")
}

/// Draws the same numbers for the same question (xorshift64*).
struct Dice(u64);

impl Dice {
    fn from(question: &str) -> Dice {
        // FNV-1a, whose result is 0 for no short text; 0 would draw 0 for ever.
        let hash = question
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Dice(hash.max(1))
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        let index = usize::try_from(drawn).unwrap_or(0).checked_rem(texts.len()).unwrap_or(0);
        texts.get(index).copied().unwrap_or_default()
    }
}

/// The data of the events that begin an answer.
pub fn opening(format: Format) -> Vec<String> {
    match format {
        Format::Completions => vec![json!({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}).to_string()],
        Format::UiMessages => {
            vec![json!({"type": "start"}).to_string(), json!({"type": "text-start", "id": "text"}).to_string()]
        }
    }
}

/// The data of the event that says a word.
pub fn saying(format: Format, word: &str) -> String {
    match format {
        Format::Completions => json!({"choices": [{"index": 0, "delta": {"content": word}}]}),
        Format::UiMessages => json!({"type": "text-delta", "id": "text", "delta": word}),
    }
    .to_string()
}

/// The data of the events that end an answer.
pub fn ending(format: Format) -> Vec<String> {
    let said = match format {
        Format::Completions => vec![json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})],
        Format::UiMessages => vec![json!({"type": "text-end", "id": "text"}), json!({"type": "finish"})],
    };
    said.iter().map(ToString::to_string).chain(["[DONE]".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(question: &str, count: usize) -> String {
        words(question).take(count).collect()
    }

    #[test]
    fn a_question_has_one_answer() {
        let answer = text("why?", 300);
        assert!(answer.starts_with(OPENING), "{answer}");
        assert_eq!(answer.split(' ').count(), 300);
        assert_eq!(answer, text("why?", 300));
        assert_ne!(answer, text("how?", 300));
        assert_ne!(text("", 100), text("why?", 100));
    }

    #[test]
    fn the_model_does_not_repeat_itself() {
        let answer = text("why?", 300);
        let sentences: Vec<_> = answer.split(". ").collect();
        let once: std::collections::HashSet<_> = sentences.iter().collect();
        assert!(once.len() * 10 > sentences.len() * 9, "{answer}");
    }

    #[test]
    fn the_pace_is_in_the_query() {
        let pace = |query| {
            let Pace { words, pause } = Pace::parse(query);
            (words, pause.as_millis())
        };
        assert_eq!(pace(None), (120, 40));
        assert_eq!(pace(Some("words=300&pause_ms=5")), (300, 5));
        assert_eq!(pace(Some("pause_ms=0&words=x")), (120, 0));
        assert_eq!(pace(Some("words=4000000000&pause_ms=4000000000")), (10_000, 10_000));
    }

    #[test]
    fn an_answer_is_written_in_the_format_of_its_question() {
        assert_eq!(saying(Format::Completions, " a\"b"), r#"{"choices":[{"delta":{"content":" a\"b"},"index":0}]}"#);
        assert_eq!(saying(Format::UiMessages, "a"), r#"{"delta":"a","id":"text","type":"text-delta"}"#);
        for format in [Format::Completions, Format::UiMessages] {
            assert_eq!(ending(format).last().unwrap(), "[DONE]");
            assert!(opening(format)[0].starts_with('{'));
        }
    }
}
