//! Log files of child processes.

use std::fs;
use std::path::Path;

use crate::error::{Attempt, Result};

/// Renames a log file to `NAME.previous`, if it exists.
pub(crate) fn set_aside(log: &Path) -> Result<()> {
    if !log.exists() {
        return Ok(());
    }
    let mut previous = log.as_os_str().to_owned();
    previous.push(".previous");
    fs::rename(log, previous).attempt_on("renaming", log)
}

/// The lines of a log that tell why a program ended: the first error near the end and what follows it, or
/// else the last lines.
pub(crate) fn excerpt(log: &Path) -> String {
    const LINES: usize = 15;
    // A server writes up to this many lines while it ends.
    const LINES_OF_AN_END: usize = 300;
    let text = match fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) => return format!("({e})"),
    };
    let all: Vec<&str> = text.lines().collect();
    let lines = &all[all.len().saturating_sub(LINES_OF_AN_END)..];
    let is_error = |line: &&str| [" ERROR ", " FATAL ", "FATAL:"].iter().any(|word| line.contains(word));
    let last = lines.len().saturating_sub(LINES);
    let first = lines.iter().position(is_error).map_or(last, |found| found.min(last));
    lines[first..lines.len().min(first + LINES)].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt_of(lines: impl IntoIterator<Item = String>) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), lines.into_iter().collect::<Vec<_>>().join("\n")).unwrap();
        excerpt(file.path()).lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_excerpt_begins_with_the_first_error_near_the_end() {
        let line = |n: u32| match n {
            5 | 350 | 390 => format!("[t] ERROR {n}"),
            _ => format!("[t] INFO {n}"),
        };
        let lines = excerpt_of((1..=400).map(line));
        assert_eq!((lines.len(), lines[0].as_str()), (15, "[t] ERROR 350"));
    }

    #[test]
    fn an_excerpt_of_a_log_without_errors_is_its_end() {
        let lines = excerpt_of((1..=40).map(|n| n.to_string()));
        assert_eq!((lines.len(), lines[0].as_str(), lines[14].as_str()), (15, "26", "40"));
    }

    #[test]
    fn a_log_that_cannot_be_read_says_why() {
        assert!(excerpt(Path::new("/no/such/log")).contains("No such file"));
    }
}
