//! Stands in for our programs in the tests of `up`: it answers health checks until SIGTERM.
//!
//! It appends `NAME started` and `NAME ended` to the file `FAKE_JOURNAL`. The program that `FAKE_DIES` names
//! ends with exit code 3, and the one that `FAKE_FINISHES` names with 0. As `replay-rebuild` it prints its settings and
//! ends with 7.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

fn main() {
    let program = std::env::args().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name == "replay-rebuild" {
        print_settings();
        std::process::exit(7);
    }
    let listen = if name == "api" { "API_LISTEN" } else { "METRICS_LISTEN" };
    let address = std::env::var(listen).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        // The start is noted only now, because a SIGTERM before this handler would end the process without its
        // last line. For the same reason, health checks are answered only now.
        note_start(&name);
        thread::spawn(move || answer(&address));
        if let Ok(mut terminate) = terminate {
            terminate.recv().await;
        }
    });
    // Long enough to tell who ended first.
    thread::sleep(Duration::from_millis(200));
    note(&format!("{name} ended"));
}

fn note_start(name: &str) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let token = std::env::var("API_ADMIN_TOKEN").is_ok();
    note(&format!("{name} started {} token={token}", arguments.join(" ")));
    if std::env::var("FAKE_DIES").is_ok_and(|dies| dies == name) {
        output::note!("out of cheese");
        std::process::exit(3);
    }
    if std::env::var("FAKE_FINISHES").is_ok_and(|finishes| finishes == name) {
        std::process::exit(0);
    }
}

fn print_settings() {
    for variable in ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC", "DATABASE_URL"] {
        output::say!("{variable}={}", std::env::var(variable).unwrap_or_default());
    }
    output::say!("arguments={}", std::env::args().skip(1).collect::<Vec<_>>().join(" "));
}

fn answer(address: &str) {
    // Another test may have taken the port after `up` found it free.
    let listener = (0..600).find_map(|_| {
        TcpListener::bind(address).inspect_err(|_| thread::sleep(Duration::from_millis(100))).ok()
    });
    let Some(listener) = listener else { return };
    for mut stream in listener.incoming().flatten() {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}

fn note(line: &str) {
    let path = std::env::var("FAKE_JOURNAL").unwrap_or_default();
    if let Ok(mut file) = File::options().create(true).append(true).open(path) {
        // One write, because several processes append to the file.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}
