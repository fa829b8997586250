//! Letters for eyes. Control characters are escaped: a record may hold whatever a terminal obeys.

use std::fmt::Write;

use letters::Shown;
use views::apply::KEPT_BYTES;
use views::read::Letter;

/// Columns, so that a list reads as a table.
pub fn line(letter: &Letter) -> String {
    format!(
        "{:<14} {:<9} {:<25} {:<24} {:>9} {}",
        letter.id.to_string(),
        letter.state,
        letter.cause,
        plain(letter.order_id.as_deref().unwrap_or("-")),
        letter.payload_bytes,
        letter.appended_at
    )
}

/// A field per line, the payload last.
pub fn whole(letter: &Letter) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<14} {}", plain(value));
    };
    field("letter", &letter.id.to_string());
    field("state", &letter.state);
    field("cause", &letter.cause);
    field("error", &letter.error);
    field("order_id", letter.order_id.as_deref().unwrap_or("-"));
    field("appended_at", &letter.appended_at.to_string());
    field("lettered_at", &letter.lettered_at.to_string());
    if let Some(decision) = letter.decision {
        field("decision", &decision.to_string());
        field("reason", letter.reason.as_deref().unwrap_or("-"));
        field("decided_at", &letter.decided_at.map(|time| time.to_string()).unwrap_or_default());
    }
    for (name, value) in &letter.headers {
        field("header", &format!("{name}: {}", value.as_deref().unwrap_or("(no value)")));
    }
    let bytes = letter.bytes.clone().unwrap_or_default();
    let key = bytes.key.as_deref().map(|key| Shown::of(key, key.len() == KEPT_BYTES));
    field("key", &key.map_or("(none)".into(), shown));
    let kept = bytes.payload.as_deref().map_or(0, <[u8]>::len);
    let of = if letter.is_cut() { format!(", of which {kept} are kept") } else { String::new() };
    field("payload_bytes", &format!("{}{of}", letter.payload_bytes));
    let payload = bytes.payload.as_deref().map(|payload| Shown::of(payload, letter.is_cut()));
    field("payload", &payload.map_or("(none)".into(), shown));
    text.pop();
    text
}

fn shown(bytes: Shown) -> String {
    if bytes.encoding == "text" { bytes.text } else { format!("(base64) {}", bytes.text) }
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
