//! docs/tour.md shows commands and what they print: each is run on what `./food-orders up` starts.

use std::time::{Duration, Instant};

use end_to_end::harness::{GIVE_UP_AFTER, repository};

use crate::stack::Stack;

/// What differs from run to run: any text within a line, or any number of lines if it stands alone.
const ANYTHING: char = '…';

/// A command, and the lines that it prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Example {
    line: String,
    printed: Vec<String>,
}

/// Commands are indented and begin with a dollar sign; what they print follows.
fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("    ")) {
        match (line.strip_prefix("$ "), examples.last_mut()) {
            (Some(command), _) => examples.push(Example { line: command.to_owned(), ..Example::default() }),
            (None, Some(example)) => example.printed.push(line.to_owned()),
            (None, None) => panic!("a line that no command has printed: {line}"),
        }
    }
    examples
}

fn is_like(expected: &[String], printed: &[&str]) -> bool {
    match (expected.split_first(), printed.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((line, others)), _) if line.trim_end().chars().eq([ANYTHING]) => {
            (0..=printed.len()).any(|skipped| is_like(others, &printed[skipped..]))
        }
        (Some((line, others)), Some((first, rest))) => line_is_like(line, first) && is_like(others, rest),
        (Some(_), None) => false,
    }
}

fn line_is_like(expected: &str, printed: &str) -> bool {
    let (expected, mut rest) = (expected.trim_end(), printed.trim_end());
    let mut pieces = expected.split(ANYTHING);
    let Some(after) = pieces.next().and_then(|begin| rest.strip_prefix(begin)) else { return false };
    rest = after;
    let pieces: Vec<_> = pieces.collect();
    let Some((end, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(end)
}

#[tokio::test]
async fn the_commands_of_the_tour_print_what_it_shows() {
    let page = std::fs::read_to_string(repository("docs/tour.md")).unwrap();
    let examples = examples(&page);
    assert!(examples.len() >= 15, "only {} examples were found", examples.len());
    let stack = Stack::up().await;
    for Example { line, printed: expected } in examples {
        println!("{line}");
        let deadline = Instant::now() + GIVE_UP_AFTER;
        loop {
            let all = stack.run(&line, "").succeed();
            let printed: Vec<_> = all.lines().filter(|line| !line.trim().is_empty()).collect();
            if is_like(&expected, &printed) {
                break;
            }
            // The first orders may be under way.
            let expected = expected.join("\n");
            assert!(Instant::now() < deadline, "{line} should print\n{expected}\nbut prints\n{all}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    stack.down().await;
}

#[test]
fn anything_stands_for_what_differs() {
    let is_like = |expected: &[&str], printed: &[&str]| {
        is_like(&expected.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), printed)
    };
    assert!(is_like(&["a…c", "…", "end"], &["abbc", "x", "y", "end"]));
    assert!(is_like(&["…b…"], &["abc"]) && is_like(&["…"], &[]) && is_like(&["ab"], &["ab "]));
    assert!(!is_like(&["a…c"], &["abb"]) && !is_like(&["a"], &["ab"]) && !is_like(&["a"], &["a", "b"]));
    assert!(!is_like(&["…", "end"], &["x"]) && !is_like(&["a…b…c"], &["ac b"]));
}
