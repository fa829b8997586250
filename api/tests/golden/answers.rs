//! The answers as a text, and its comparison with the one that was recorded.
//!
//! A line `> STATUS REQUEST` is followed by the lines of the body, a line `= STATUS HASH REQUEST` by nothing, and a line
//! `# …` begins a section.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::{Captures, Regex};
use views::{PROJECTION_VERSION, Projection};

use super::MAX_RECORD_BYTES;

/// How much of an answer is in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Body,
    Hash,
}

#[derive(Default)]
pub struct Answers {
    found: Vec<Found>,
}

enum Found {
    Heading(String),
    Answer { label: String, status: Option<u16>, body: String, keep: Keep },
}

impl Answers {
    pub fn heading(&mut self, text: &str) {
        self.found.push(Found::Heading(text.to_owned()));
    }

    /// `status`: `None` for an answer of the database.
    pub fn add(&mut self, label: &str, status: Option<u16>, body: String, keep: Keep) {
        let mut body = readable_cursor(&body);
        if label.starts_with("/dead-letters") {
            body = without_present(&body);
        }
        self.found.push(Found::Answer { label: label.to_owned(), status, body, keep });
    }

    /// Compares the answers with those in the file, or writes them to it.
    pub fn check(&self, file: &Path) {
        if let Some(bodies) = env::var_os("GOLDEN_BODIES") {
            fs::write(bodies, self.text(true)).unwrap();
        }
        let found = self.text(false);
        if env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
            fs::write(file, found).unwrap();
            return;
        }
        let recorded = fs::read_to_string(file).unwrap_or_default();
        let (recorded, found) = (by_request(&recorded), by_request(&found));
        let differing: Vec<_> = recorded
            .keys()
            .chain(found.keys().filter(|request| !recorded.contains_key(*request)))
            .filter(|request| recorded.get(*request) != found.get(*request))
            .collect();
        let Some(first) = differing.first() else {
            eprintln!("{} answers are the same bytes as in {}", found.len(), file.display());
            return;
        };
        let names: Vec<_> = differing.iter().take(20).map(|request| format!("  {request}")).collect();
        let (is, was) = (found.get(**first), recorded.get(**first));
        panic!(
            "{} of {} answers differ from those in {}:\n{}\nThe first, {first}:\n{}",
            differing.len(),
            found.len(),
            file.display(),
            names.join("\n"),
            difference(was.copied().unwrap_or("(not recorded)"), is.copied().unwrap_or("(not asked)")),
        );
    }

    fn text(&self, all_bodies: bool) -> String {
        let mut text = String::new();
        for found in &self.found {
            match found {
                Found::Heading(heading) => text += &format!("# {heading}\n"),
                Found::Answer { label, status, body, keep } => {
                    let status = status.map_or("SQL".to_owned(), |status| status.to_string());
                    if all_bodies || *keep == Keep::Body {
                        text += &format!("> {status} {label}\n{}\n", in_lines(body));
                    } else {
                        text += &format!("= {status} {:016x} {label}\n", fnv1a(body.as_bytes()));
                    }
                }
            }
        }
        text
    }
}

/// A line for each order and each record.
fn in_lines(body: &str) -> String {
    body.replace(",{\"event\":", "\n,{\"event\":").replace(",{\"order_id\":", "\n,{\"order_id\":")
}

/// The cursor of the next page as the JSON that it is made of, since nobody could read it otherwise. The number of
/// the projection is that of this program, so it is named and not recorded.
fn readable_cursor(body: &str) -> String {
    let projection = Projection { version: PROJECTION_VERSION, max_record_bytes: MAX_RECORD_BYTES };
    let cursor = Regex::new(r#""next_cursor":"([A-Za-z0-9_-]+)"\}$"#).unwrap();
    let readable = |captures: &Captures<'_>| {
        let json = String::from_utf8(URL_SAFE_NO_PAD.decode(&captures[1]).unwrap()).unwrap();
        let json = json.replace(&format!(r#""p":{}}}"#, projection.number()), r#""p":PROJECTION}"#);
        format!(r#""next_cursor":base64({json})}}"#)
    };
    cursor.replace(body, readable).into_owned()
}

/// Without the times of the test's own run.
fn without_present(body: &str) -> String {
    let times = Regex::new(r#""(dead_lettered_at|decided_at)":"[^"]+""#).unwrap();
    times.replace_all(body, r#""$1":NOW"#).into_owned()
}

/// Each answer of a text by its request.
fn by_request(text: &str) -> BTreeMap<&str, &str> {
    let mut answers = BTreeMap::new();
    let starts = text.match_indices('\n').map(|(at, _)| at + 1).chain([0]);
    let mut starts: Vec<_> = starts.filter(|at| text[*at..].starts_with(['>', '=', '#'])).collect();
    starts.sort_unstable();
    starts.push(text.len());
    for bounds in starts.windows(2) {
        let answer = &text[bounds[0]..bounds[1]];
        let line = answer.lines().next().unwrap_or_default();
        let words = match line.as_bytes().first() {
            Some(b'>') => 3,
            Some(b'=') => 4,
            _ => continue,
        };
        let request = line.splitn(words, ' ').last().unwrap_or_default();
        assert_eq!(answers.insert(request, answer), None, "asked twice: {request}");
    }
    answers
}

/// Where two answers begin to differ, with what surrounds it.
fn difference(was: &str, is: &str) -> String {
    if is.starts_with('=') {
        return format!("was {was}is  {is}GOLDEN_BODIES=FILE writes its body to FILE.");
    }
    let same = was.chars().zip(is.chars()).take_while(|(was, is)| was == is).count();
    let around = |text: &str| text.chars().skip(same.saturating_sub(120)).take(300).collect::<String>();
    format!("character {same}\nwas …{}…\nis  …{}…", around(was), around(is))
}

/// FNV-1a with 64 bits: unlike the hashes of the standard library it never changes.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
