//! docs/exactly-once.md shows what each scene prints.
#![allow(clippy::unwrap_used)] // a test

use std::path::Path;
use std::process::Command;

use local_stack::TestServers;

/// The scenes of the page: the command, and the indented lines that follow it.
fn scenes(page: &str) -> Vec<(&str, String)> {
    let mut scenes: Vec<(&str, String)> = Vec::new();
    for line in page.lines() {
        match line.strip_prefix("    $ exactly-once ") {
            Some(scene) => scenes.push((scene, String::new())),
            None => {
                if let Some((_, printed)) = scenes.last_mut()
                    && let Some(line) = line.strip_prefix("    ").or(line.is_empty().then_some(""))
                {
                    printed.push_str(line);
                    printed.push('\n');
                }
            }
        }
    }
    scenes
}

#[tokio::test]
async fn the_page_shows_what_the_scenes_print() {
    let servers = TestServers::shared().await.unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exactly-once.md");
    let page = std::fs::read_to_string(page).unwrap();
    let scenes = scenes(&page);
    let names: Vec<_> = scenes.iter().map(|(scene, _)| *scene).collect();
    assert_eq!(names, ["lost-answer", "transactions", "commit-order"]);
    for (scene, shown) in scenes {
        let output = Command::new(env!("CARGO_BIN_EXE_exactly-once"))
            .arg(scene)
            .env("KAFKA_BOOTSTRAP_SERVERS", servers.bootstrap_servers())
            .env("DATABASE_URL", servers.database_url())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{scene}: {errors}");
        assert_eq!(printed.trim(), shown.trim(), "{scene}: {errors}");
    }
}
