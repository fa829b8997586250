//! Given settings become valid ones, or a message that names the variable.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use clap::Args;
use service::settings::{Format, MetricsArgs, parse_listen};
use service::{Invalid, ShellArgs};

/// Ignores the environment, which names the servers of the tests.
fn parse<A: Args>(flags: &[&str]) -> A {
    let command = A::augment_args(clap::Command::new("test")).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.try_get_matches_from([&["test"], flags].concat()).unwrap();
    A::from_arg_matches(&matches).unwrap()
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(parse::<MetricsArgs>(&[]).validate(), Ok(None));
    let shell = parse::<ShellArgs>(&[]).validate().unwrap();
    assert_eq!(shell.shutdown_timeout.as_secs(), 20);
    assert_eq!(shell.log.format, Format::Text);
}

#[test]
fn each_failure_names_its_variable() {
    let shell = |flags: &[&str]| parse::<ShellArgs>(flags).validate().map(|_| ());
    let cases: Vec<(Result<(), Invalid>, &str)> = vec![
        (shell(&["--shutdown-timeout-seconds", "soon"]), "SHUTDOWN_TIMEOUT_SECONDS"),
        (shell(&["--shutdown-timeout-seconds", "0"]), "SHUTDOWN_TIMEOUT_SECONDS"),
        (shell(&["--log-level", "loud"]), "LOG_LEVEL"),
        (shell(&["--log-format", "xml"]), "LOG_FORMAT"),
        (parse::<MetricsArgs>(&["--metrics-listen", "9100"]).validate().map(|_| ()), "METRICS_LISTEN"),
    ];
    for (result, variable) in cases {
        assert_eq!(result.unwrap_err().variable, variable);
    }
}

#[test]
fn an_address_needs_no_name_server() {
    for (text, address) in
        [("127.0.0.1:8080", "127.0.0.1:8080"), ("localhost:0", "127.0.0.1:0"), (" [::]:9100 ", "[::]:9100")]
    {
        assert_eq!(parse_listen("API_LISTEN", text), Ok(address.parse().unwrap()), "{text}");
    }
    for text in ["", "8080", ":8080", "example.com:8080", "127.0.0.1", "127.0.0.1:99999"] {
        assert_eq!(parse_listen("API_LISTEN", text).unwrap_err().variable, "API_LISTEN", "{text}");
    }
}
