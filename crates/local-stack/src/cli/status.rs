//! `status` shows what runs, and on which ports.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::Folder;
use super::cluster_status;
use super::folder::DataFolder;
use super::http;
use super::state::{Condition, ServerState, ServiceState, State};
use crate::error::{Attempt, Result};

pub fn status(folder: &Folder, json: bool) -> Result<ExitCode> {
    let folder = DataFolder::new(&folder.path)?;
    let (pid, state) = (folder.running(), folder.state());
    if json {
        print_json(&folder, pid, state)?;
        return Ok(if pid.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let Some(pid) = pid else {
        output::say!("Nothing is running in {}.", folder.path().display());
        return Ok(ExitCode::FAILURE);
    };
    let Some(state) = state else {
        output::say!("Still starting (pid {pid}), data in {}.", folder.path().display());
        return Ok(ExitCode::SUCCESS);
    };
    output::say!("Running (pid {pid}), data in {}:", folder.path().display());
    match state.brokers.len() {
        1 => print_server("Kafka", &state.kafka),
        brokers => output::say!(
            "  {:<12} {brokers} brokers, {}, version {}, data in {}",
            "Kafka",
            state.kafka.address,
            state.kafka.version,
            state.kafka.data.display()
        ),
    }
    if let Some(zookeeper) = &state.zookeeper {
        print_server("ZooKeeper", zookeeper);
    }
    print_server("PostgreSQL", &state.postgres);
    if let Some(registry) = &state.registry {
        print_server("Registry", registry);
    }
    for service in &state.services {
        let pid = service.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        output::say!("  {:<12} pid {pid:<8} {}", service.name, Answer::of(service).describe(service));
    }
    if state.brokers.len() > 1 {
        cluster_status::print(&state)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The state of the stack as `state.json` has it, with what each program answers now.
fn print_json(folder: &DataFolder, pid: Option<u32>, state: Option<State>) -> Result<()> {
    let word = match (pid, &state) {
        (None, _) => "stopped",
        (Some(_), None) => "starting",
        (Some(_), Some(_)) => "running",
    };
    let mut document = json!({ "state": word, "folder": folder.path(), "pid": pid });
    if let Some(state) = state {
        let answers: Vec<_> = state.services.iter().map(|service| Answer::of(service).word()).collect();
        let attempt = "writing the status as JSON";
        let Value::Object(mut members) = serde_json::to_value(state).attempt(attempt)? else { return Ok(()) };
        if let Some(Value::Array(services)) = members.get_mut("services") {
            for (service, answer) in services.iter_mut().zip(answers) {
                service["condition"] = answer.into();
            }
        }
        members.remove("pid");
        document.as_object_mut().into_iter().for_each(|document| document.append(&mut members));
    }
    output::data(&document.to_string()).map(drop).attempt("writing the status")
}

/// What a program says of itself.
enum Answer {
    Ready,
    NotReady {
        code: u16,
    },
    None,
    /// It does not run, so it was not asked.
    NotAsked(Condition),
}

impl Answer {
    fn of(service: &ServiceState) -> Self {
        if service.condition != Condition::Running {
            return Self::NotAsked(service.condition);
        }
        match http::status(service.health, "/health/ready") {
            Some(200) => Self::Ready,
            Some(code) => Self::NotReady { code },
            None => Self::None,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady { .. } => "not_ready",
            Self::None => "no_answer",
            Self::NotAsked(Condition::Finished) => "finished",
            Self::NotAsked(_) => "restarting",
        }
    }

    fn describe(&self, service: &ServiceState) -> String {
        let (address, log) = (service.health, service.log.display());
        match self {
            Self::Ready => format!("ready on http://{address}"),
            Self::NotReady { code } => {
                format!("not ready (HTTP {code}), see http://{address}/health/ready")
            }
            Self::None => format!("does not answer on http://{address}"),
            Self::NotAsked(Condition::Finished) => format!("finished, see {log}"),
            Self::NotAsked(_) => format!("ended by itself and is started again, see {log}"),
        }
    }
}

fn print_server(name: &str, server: &ServerState) {
    output::say!(
        "  {name:<12} pid {:<8} {}, version {}, data in {}",
        server.pid.unwrap_or(0),
        server.address,
        server.version,
        server.data.display()
    );
}
