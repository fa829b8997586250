use clap::CommandFactory;

/// `--help` is a contract, so a change of it must show in a review.
#[test]
fn help_is_what_it_was() {
    // The environment of the test run must not appear in it.
    let mut command = api::Args::command().term_width(100).mut_args(|arg| arg.hide_env_values(true));
    insta::assert_snapshot!(command.render_long_help());
}
