//! `api`: see `api --help` and docs/http-api.md.

use std::process::ExitCode;

use api::{App, Args};

fn main() -> ExitCode {
    service::run(
        |args: &Args| &args.shell,
        async |args, shell| {
            let settings = args.validate()?;
            api::metrics::describe();
            let app = App::bind(&settings, shell.health, shell.metrics).await?;
            Box::pin(app.run(shell.stop, shell.shutdown_timeout)).await
        },
    )
}
