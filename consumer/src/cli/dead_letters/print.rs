//! Dead letters as text for a terminal. Control characters are escaped, since a record may contain
//! any that a terminal acts on.

use std::fmt::Write;

use dead_letters::{EncodedBytes, Encoding};
use views::apply::KEPT_BYTES;
use views::read::DeadLetter;

/// The names of the columns of [`line`].
pub fn header() -> String {
    row(["ID", "STATE", "CAUSE", "ORDER_ID", "BYTES", "APPENDED_AT"])
}

/// One line with columns of fixed width, so that a list reads as a table.
pub fn line(dead_letter: &DeadLetter) -> String {
    row([
        &dead_letter.id.to_string(),
        &dead_letter.state,
        &dead_letter.cause,
        &plain(dead_letter.order_id.as_deref().unwrap_or("-")),
        &dead_letter.payload_bytes.to_string(),
        &dead_letter.appended_at.to_string(),
    ])
}

fn row([id, state, cause, order_id, bytes, appended_at]: [&str; 6]) -> String {
    format!("{id:<14} {state:<9} {cause:<25} {order_id:<24} {bytes:>9} {appended_at}")
}

/// One line for each field, the payload last.
pub fn details(dead_letter: &DeadLetter) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<14} {}", plain(value));
    };
    field("dead_letter", &dead_letter.id.to_string());
    field("state", &dead_letter.state);
    field("cause", &dead_letter.cause);
    field("error", &dead_letter.error);
    field("order_id", dead_letter.order_id.as_deref().unwrap_or("-"));
    field("appended_at", &dead_letter.appended_at.to_string());
    field("dead_lettered_at", &dead_letter.dead_lettered_at.to_string());
    if let Some(decision) = dead_letter.decision {
        field("decision", &decision.to_string());
        field("reason", dead_letter.reason.as_deref().unwrap_or("-"));
        field("decided_at", &dead_letter.decided_at.map(|time| time.to_string()).unwrap_or_default());
    }
    for (name, value) in &dead_letter.headers {
        field("header", &format!("{name}: {}", value.as_deref().unwrap_or("(no value)")));
    }
    let bytes = dead_letter.bytes.clone().unwrap_or_default();
    let key = bytes.key.as_deref().map(|key| EncodedBytes::of(key, key.len() == KEPT_BYTES));
    field("key", &key.map_or("(none)".into(), text_of));
    let kept = bytes.payload.as_deref().map_or(0, <[u8]>::len);
    let of = if dead_letter.is_cut() { format!(", of which {kept} were kept") } else { String::new() };
    field("payload_bytes", &format!("{}{of}", dead_letter.payload_bytes));
    let payload = bytes.payload.as_deref().map(|payload| EncodedBytes::of(payload, dead_letter.is_cut()));
    field("payload", &payload.map_or("(none)".into(), text_of));
    text.pop();
    text
}

fn text_of(bytes: EncodedBytes) -> String {
    if bytes.encoding == Encoding::Text { bytes.text } else { format!("(base64) {}", bytes.text) }
}

fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut plain, one| {
        if one.is_control() {
            plain.extend(one.escape_default())
        } else {
            plain.push(one)
        }
        plain
    })
}
