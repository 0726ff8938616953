//! Queue messages: the JSON that the batch reader takes.

use concord_core::port::Messages;

use crate::Verdict;

/// What is read is written back as the same message, and then byte for byte: a message that a redrive or an
/// operator sends again is the same one.
///
/// # Panics
/// If it is not so.
#[must_use]
pub fn queue_message(data: &[u8]) -> Verdict {
    // The batch reader is given text.
    let Some(body) = std::str::from_utf8(data).ok() else { return Verdict::Refused };
    let Ok(message) = serde_json::from_str::<Messages>(body) else { return Verdict::Refused };
    let written = serde_json::to_string(&message).unwrap();
    let again: Messages = serde_json::from_str(&written).unwrap();
    assert_eq!(again, message, "another message came back");
    assert_eq!(serde_json::to_string(&again).unwrap(), written, "one message is written in two ways");
    Verdict::Taken
}
