use clap::CommandFactory;

/// `--help` is a contract: a change of it is a change to be seen.
#[test]
fn help_is_what_it_was() {
    // The environment of whoever runs the tests must not show.
    let mut command = api::Args::command().term_width(100).mut_args(|arg| arg.hide_env_values(true));
    insta::assert_snapshot!(command.render_long_help());
}
