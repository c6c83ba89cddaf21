//! One block of an event stream, line by line.

use std::mem;
use std::time::Duration;

/// The block whose lines are being read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    /// The standard's "data buffer", after `skip` other bytes. An LF follows each line.
    data: Vec<u8>,
    skip: usize,
    /// The standard's "event type buffer", if `has_name`. Else the name of an earlier block, which often comes again.
    name: String,
    has_name: bool,
    /// The standard's "last event ID buffer", if `has_id`.
    id: String,
    has_id: bool,
}

/// What the decoder does after a line.
pub(crate) enum Step {
    Next,
    Retry(Duration),
    /// "If the line is empty (a blank line), dispatch the event."
    Dispatch,
}

impl Block {
    /// Applies a line to the block.
    pub(crate) fn apply(&mut self, line: &[u8]) -> Step {
        if line.is_empty() {
            return Step::Dispatch;
        }
        // "Field names must be compared literally, with no case folding performed."
        if let Some(value) = value_of(b"data", line) {
            self.push_data(value);
        } else if let Some(value) = value_of(b"id", line) {
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value.
            // Otherwise, ignore the field."
            if !value.contains(&b'\0') {
                self.id.clear();
                push_text(&mut self.id, value);
                self.has_id = true;
            }
        } else if let Some(value) = value_of(b"event", line) {
            // "Set the event type buffer to the field value."
            if self.name.as_bytes() != value {
                self.name.clear();
                push_text(&mut self.name, value);
            }
            self.has_name = !value.is_empty();
        } else if let Some(value) = value_of(b"retry", line) {
            // "If the field value consists of only ASCII digits, then interpret the field value as an integer in base
            // ten, and set the event stream's reconnection time to that integer. Otherwise, ignore the field."
            if let Some(millis) = number(value) {
                return Step::Retry(Duration::from_millis(millis));
            }
        }
        // For a comment: "If the line starts with a U+003A COLON character (:), ignore the line." For any other name:
        // "The field is ignored."
        Step::Next
    }

    /// Applies the line in a buffer to the block, and empties the buffer.
    pub(crate) fn apply_buffer(&mut self, line: &mut Vec<u8>) -> Step {
        let step = match value_of(b"data", line) {
            Some(value) if self.data.is_empty() => {
                // The buffers are swapped, because to copy a long line again would cost more.
                self.skip = line.len().saturating_sub(value.len());
                mem::swap(&mut self.data, line);
                self.data.push(b'\n');
                Step::Next
            }
            _ => self.apply(line),
        };
        line.clear();
        step
    }

    /// "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF) character to the data
    /// buffer."
    #[inline]
    pub(crate) fn push_data(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.data.push(b'\n');
    }

    pub(crate) fn has_data(&self) -> bool {
        !self.data.is_empty()
    }

    /// "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove the last character from
    /// the data buffer."
    pub(crate) fn data(&self) -> &[u8] {
        self.data.get(self.skip..).and_then(|data| data.strip_suffix(b"\n")).unwrap_or_default()
    }

    /// "If the event type buffer has a value other than the empty string, change the type of the newly created event to
    /// equal the value of the event type buffer."
    pub(crate) fn name(&self) -> &str {
        if self.has_name { &self.name } else { "message" }
    }

    /// "Set the last event ID string of the event source to the value of the last event ID buffer. The buffer does not
    /// get reset, so the last event ID string of the event source remains set to this value until the next time it is
    /// set by the server."
    pub(crate) fn commit_id(&mut self, last_event_id: &mut String) {
        if mem::take(&mut self.has_id) {
            mem::swap(last_event_id, &mut self.id);
        }
    }

    /// "Set the data buffer and the event type buffer to the empty string."
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.skip = 0;
        self.has_name = false;
        self.has_id = false;
    }
}

/// The value of the field in `line`, if the field has this name.
#[inline]
pub(crate) fn value_of<'a>(name: &[u8], line: &'a [u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        // "Process the field [...] using the whole line as the field name, and the empty string as the field value."
        [] => Some(&[]),
        // "If value starts with a U+0020 SPACE character, remove it from value."
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        // The name of the field is longer.
        _ => None,
    }
}

/// The rest of `input` after a keep-alive: a comment without text, and an empty line.
#[inline]
pub(crate) fn after_keep_alive(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b':', b'\n', b'\n', rest @ ..] | [b':', b' ', b'\n', b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[inline]
pub(crate) fn is_comment(line: &[u8]) -> bool {
    line.first() == Some(&b':')
}

/// The integer that the digits stand for, at most `u64::MAX`. `None` if `digits` is empty or has another character.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(number.saturating_mul(10).saturating_add(u64::from(digit)))
    })
}

/// Appends `bytes` as text, with U+FFFD for bytes that are not UTF-8. A value begins and ends at ASCII characters. So
/// the text is the same as if the whole stream were decoded at once.
pub(crate) fn push_text(text: &mut String, bytes: &[u8]) {
    if let Ok(valid) = simdutf8::basic::from_utf8(bytes) {
        text.push_str(valid);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
