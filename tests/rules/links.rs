//! Every relative link of a Markdown page leads to a file, and to a heading in it where it names one.

use crate::assert_none;
use crate::tree::{self, File};

/// The targets of `[text](target)`, with their lines.
fn targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(at, line)| {
        line.split("](").skip(1).filter_map(move |rest| Some((at + 1, rest.split_once(')')?.0)))
    })
}

/// As GitHub makes it: lower case, spaces become hyphens, other punctuation goes.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn has_heading(text: &str, wanted: &str) -> bool {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor(line.trim_start_matches('#')) == wanted)
}

fn complaints(files: &[File], page: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (line, target) in targets(&page.text).filter(|(_, target)| !target.contains("://")) {
        let (path, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = if path.is_empty() { page.path.clone() } else { tree::join(page.folder(), path) };
        let file = files.iter().find(|file| file.path == path);
        let leads_to_folder = files.iter().any(|file| file.path.starts_with(&format!("{path}/")));
        let found = match file {
            Some(file) => heading.is_empty() || has_heading(&file.text, heading),
            None => heading.is_empty() && leads_to_folder,
        };
        if !found {
            complaints.push(format!("{}:{line}: {target}", page.path));
        }
    }
    complaints
}

#[test]
fn every_link_leads_somewhere() {
    let pages = tree::files().iter().filter(|file| file.has_extension("md"));
    let complaints: Vec<_> = pages.flat_map(|page| complaints(tree::files(), page)).collect();
    assert_none("These links lead nowhere:", &complaints);
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let files = [page("docs/a.md", "# Dead letters\n"), page("docs/decisions/1.md", "")];
    let of = |text: &str| complaints(&files, &page("docs/b.md", text));
    assert_eq!(
        of("[a](a.md) [b](a.md#dead-letters) [c](decisions/) [d](../docs/a.md) [e](https://x.org/y)"),
        [""; 0]
    );
    assert_eq!(of("[a](b.md)\n[b](a.md#other)"), ["docs/b.md:1: b.md", "docs/b.md:2: a.md#other"]);
}
