//! One word for one thing, in code and in prose.

use crate::assert_none;
use crate::rust::{self, Kind};
use crate::tree::{self, File};

/// Words that hid what they meant, and what is said instead.
const PROSE: [(&str, &str); 7] = [
    ("happening", "event or step"),
    ("happenings", "events or steps"),
    ("obey", "carry out, or the command's name"),
    ("obeys", "carries out"),
    ("breathe", "wait, or poll"),
    ("tell_kafka", "commit the offsets"),
    ("tell kafka", "commit the offsets"),
];

/// Names of Rust items.
const NAMES: [(&str, &str); 8] = [
    ("Desk", "what it does to dead letters"),
    ("Happening", "the event or step"),
    ("Judged", "the verdict's own name"),
    ("PATIENCE", "the time limit, named for what it bounds"),
    ("Places", "Positions, or where the columns stand"),
    ("Polled", "the end offsets, or what the poll returned"),
    ("Shown", "what is printed"),
    ("Whole", "what it is complete about"),
];

/// Text in which a word may stand that has no other name: the licence, what tools write, and this list.
fn is_exempt(file: &File) -> bool {
    ["LICENSE", "Cargo.lock", "tests/rules/words.rs"].contains(&file.path.as_str())
}

/// A text in lower case words: `DeadLetter`, `dead_letter` and `dead letter` are the same.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for c in line.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && previous.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        }
        previous = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn complaints(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    // A line may end between the two words.
    let mut before = String::new();
    for (at, line) in file.text.lines().enumerate() {
        let mut complain = |word: &str, instead: &str| {
            complaints.push(format!("{}:{}: \"{word}\": say {instead}", file.path, at + 1));
        };
        let words = split(line);
        let text = format!(" {} ", words.join(" "));
        for (word, instead) in PROSE {
            if text.contains(&format!(" {} ", word.replace('_', " "))) {
                complain(word, instead);
            }
        }
        for word in words {
            if ["letter", "letters", "lettered"].contains(&word.as_str()) && before != "dead" {
                complain(&word, "dead letter");
            }
            before = word;
        }
    }
    if file.has_extension("rs") {
        for token in rust::tokens(&file.text).into_iter().filter(|token| token.kind == Kind::Word) {
            if let Some((name, instead)) = NAMES.into_iter().find(|(name, _)| token.text == *name) {
                complaints.push(format!("{}:{}: \"{name}\": say {instead}", file.path, token.line));
            }
        }
    }
    complaints
}

#[test]
fn words_are_the_agreed_ones() {
    let files = tree::files().iter().filter(|file| !is_exempt(file));
    assert_none("These words have a better one:", &files.flat_map(complaints).collect::<Vec<_>>());
}

#[test]
fn a_word_that_was_given_up_is_found() {
    let of = |path: &str, text: &str| complaints(&File { path: path.into(), text: text.into() });
    assert_eq!(of("a.md", "A dead letter, dead_letters, DeadLetter; a dead\nletter. Dead-lettered"), [""; 0]);
    assert_eq!(of("a.md", "It is\na letter.").len(), 1);
    assert_eq!(of("a.rs", "struct OpenLetters; fn obey() {}").len(), 2);
    assert_eq!(
        of("a.rs", "// Places to go.\nstruct Places;"),
        ["a.rs:2: \"Places\": say Positions, or where the columns stand"]
    );
}
