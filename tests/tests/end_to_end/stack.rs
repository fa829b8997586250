//! A running stack, for the commands that the documents show.

use std::path::{Path, PathBuf};
use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Launch, Program, Tool, binary, free_address, repository};
use nix::sys::signal::Signal;
use serde_json::Value;

/// What `./food-orders up` has started, and a folder that is like the repository after a build.
pub struct Stack {
    up: Program,
    folder: tempfile::TempDir,
    api: String,
}

impl Stack {
    /// The script would build everything first.
    pub async fn up() -> Self {
        // PostgreSQL's account has to be able to enter it.
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(readable).tempdir().unwrap();
        std::fs::copy(repository("food-orders"), folder.path().join("food-orders")).unwrap();
        std::fs::create_dir(folder.path().join("target")).unwrap();
        let programs = binary("local-stack").parent().map(Path::to_owned).unwrap();
        std::os::unix::fs::symlink(programs, folder.path().join("target/release")).unwrap();
        let api = free_address();
        let mut up = Launch::new("local-stack", folder.path().join("up.log"))
            .env("FOOD_ORDERS_DATA_DIR", data(&folder))
            .env("FOOD_ORDERS_KAFKA_PORT", "0")
            .env("FOOD_ORDERS_POSTGRES_PORT", "0")
            .env("API_LISTEN", &api)
            .args("up")
            .start();
        up.wait_for_log("Ctrl-C stops everything", 3 * GIVE_UP_AFTER).await;
        Self { up, folder, api }
    }

    /// A command in that folder, with lines that are typed into it. It meets the API at the port of this test.
    pub fn run(&self, line: &str, typed_lines: &str) -> Tool {
        let state = std::fs::read(data(&self.folder).join("state.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        let address = |server: &str| state[server]["address"].as_str().unwrap().to_owned();
        let typed = self.folder.path().join("typed");
        std::fs::write(&typed, typed_lines).unwrap();
        let line = line.replace("localhost:8080", &self.api);
        let folder = self.folder.path().display();
        let path = format!("{folder}/target/release:{}", std::env::var("PATH").unwrap());
        Tool::new("bash")
            .args(["-c", &format!("cd {folder} && {line} < {}", typed.display())])
            .env("PATH", path)
            .env("FOOD_ORDERS_DATA_DIR", data(&self.folder))
            .env("KAFKA_BOOTSTRAP_SERVERS", address("kafka"))
            .env("DATABASE_URL", address("postgres"))
    }

    pub async fn down(mut self) {
        self.up.signal(Signal::SIGINT);
        assert_eq!(self.up.exit_code(GIVE_UP_AFTER + Duration::from_secs(30)).await, 0);
    }
}

fn data(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join(".food-orders")
}
