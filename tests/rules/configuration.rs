//! docs/configuration.md has every setting of every program, as `--help` of the built programs gives it.
//!
//! The page is written by hand and not generated from `--help`: it is ordered by subject, with one row for a setting that
//! several programs have, it gives ranges and links, and a generator would need all of that beside the flags. What can be
//! wrong about a row, this test finds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use crate::assert_none;
use crate::tree::{self, File};

/// A program with its commands, as it is called in the page.
const PROGRAMS: [&str; 12] = [
    "producer",
    "consumer",
    "api",
    "replay-rebuild",
    "consumer dead-letters list",
    "consumer dead-letters show",
    "consumer dead-letters retry",
    "consumer dead-letters discard",
    "consumer decisions export",
    "food-orders up",
    "food-orders status",
    "bench",
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Setting {
    flag: String,
    environment: Option<String>,
    default: Option<String>,
}

impl Setting {
    fn describe(&self, of: &str) -> String {
        let part =
            |part: &Option<String>| part.as_ref().map_or_else(|| "–".into(), |part| format!("`{part}`"));
        format!("{of}: `{}` | {} | {}", self.flag, part(&self.environment), part(&self.default))
    }
}

/// The programs lie where Cargo puts them: two folders above this test.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join(name);
    assert!(path.exists(), "{} is not built; run `cargo build --workspace` first", path.display());
    path
}

fn help(of: &str) -> String {
    // The script hands these commands over to the program.
    let line = of.replace("food-orders ", "local-stack ");
    let mut words = line.split(' ');
    // Values of the environment would be printed.
    let mut command = Command::new(program(words.next().unwrap()));
    let output = command.args(words).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{of} --help: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What follows an opening such as `[env: ` up to its bracket.
fn bracket<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("[{name}: "))?;
    Some(rest.split_once(']')?.0)
}

fn settings(help: &str) -> BTreeSet<Setting> {
    // Deeper in are descriptions, some of which begin with a flag after a line break.
    let is_flag = |line: &&str| line.starts_with("      --");
    let mut settings = BTreeSet::new();
    let lines: Vec<_> = help.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_flag(line)) {
        let more =
            lines[at + 1..].iter().take_while(|line| !is_flag(line) && !line.trim_start().starts_with("-h"));
        let text = [line]
            .into_iter()
            .chain(more)
            .flat_map(|line| line.split_whitespace())
            .collect::<Vec<_>>()
            .join(" ");
        let environment = bracket(&text, "env").map(|env| env.split('=').next().unwrap_or(env).to_owned());
        let default = bracket(&text, "default").map(str::to_owned);
        let flag = line.split_whitespace().next().unwrap().to_owned();
        settings.insert(Setting { flag, environment, default });
    }
    settings
}

/// The cell's text, if it is code; anything else is a remark.
fn code(cell: &str) -> Option<String> {
    Some(cell.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned())
}

/// A row is: flag, environment, default, meaning, programs. A heading `## In PROGRAM` stands for the last cell.
fn documented(page: &str) -> BTreeMap<String, BTreeSet<Setting>> {
    let mut documented = BTreeMap::<String, BTreeSet<Setting>>::new();
    let mut heading = None;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = code(title);
        }
        let cells: Vec<_> = line.trim_matches('|').split('|').collect();
        let Some(flag) = cells.first().and_then(|cell| code(cell)).filter(|flag| flag.starts_with("--"))
        else {
            continue;
        };
        let setting = Setting { flag, environment: code(cells[1]), default: code(cells[2]) };
        let programs = match &heading {
            Some(program) => vec![program.clone()],
            None => cells[4].split(',').map(|program| program.trim().to_owned()).collect(),
        };
        for program in programs {
            documented.entry(program).or_default().insert(setting.clone());
        }
    }
    documented
}

fn complaints(page: &str, helps: &[(&str, String)]) -> Vec<String> {
    let mut documented = documented(page);
    let mut complaints = Vec::new();
    for (program, help) in helps {
        let real = settings(help);
        let said = documented.remove(*program).unwrap_or_default();
        complaints
            .extend(real.difference(&said).map(|setting| format!("missing: {}", setting.describe(program))));
        complaints
            .extend(said.difference(&real).map(|setting| format!("not so: {}", setting.describe(program))));
    }
    complaints.extend(documented.keys().map(|program| format!("no such program: {program}")));
    complaints
}

fn page() -> &'static File {
    tree::files().iter().find(|file| file.path == "docs/configuration.md").expect("docs/configuration.md")
}

#[test]
fn the_page_says_what_help_says() {
    let helps: Vec<_> = PROGRAMS.iter().map(|program| (*program, help(program))).collect();
    assert_none("docs/configuration.md differs from --help:", &complaints(&page().text, &helps));
}

/// What compose and the scripts read from the environment has no `--help`.
#[test]
fn the_page_has_the_variables_of_compose() {
    let is_compose = |file: &&File| file.path.starts_with("docker-compose");
    let texts = tree::files().iter().filter(is_compose).flat_map(|file| file.text.split("${").skip(1));
    let names = texts.filter_map(|rest| rest.split([':', '}']).next());
    let missing: BTreeSet<_> = names.filter(|name| !page().text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/configuration.md does not mention {missing:?}");
}

#[test]
fn a_difference_is_found() {
    let help = "Options:\n      --lanes <N>\n          Connections\n\n          [env: LANES=]\n          [default: 2]\n
      --json  Print JSON [possible values: a]\n  -h, --help\n";
    let page = |rows: &str| {
        format!(
            "## Settings\n| flag | environment | default | meaning | programs |\n|---|---|---|---|---|\n{rows}"
        )
    };
    let of = |page: &str| complaints(page, &[("consumer", help.to_owned())]);
    let lanes = "| `--lanes` | `LANES` | `2` | Connections | consumer |\n";
    assert_eq!(of(&(page(lanes) + "## `consumer`\n| `--json` | – | – | Print JSON |\n")), [""; 0]);
    assert_eq!(of(&page(lanes)), ["missing: consumer: `--json` | – | –"]);
    let other = page(
        "| `--lanes` | `LANES` | `3` | Connections | consumer |\n| `--json` | – | off | | consumer, api |\n",
    );
    let expected = [
        "missing: consumer: `--lanes` | `LANES` | `2`",
        "not so: consumer: `--lanes` | `LANES` | `3`",
        "no such program: api",
    ];
    assert_eq!(of(&other), expected);
}
