//! What a program says of its command line to shells and to `man`.

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

#[derive(Args, Clone, Debug)]
pub struct DescribeArgs {
    /// Print the completions for a shell and end
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<Shell>,

    /// Print the manual page and end
    #[arg(long)]
    pub man: bool,
}

impl DescribeArgs {
    /// The text to print instead of running the program; `None` if it is to run.
    pub(crate) fn text(&self, mut program: Command) -> Option<std::io::Result<Vec<u8>>> {
        let mut text = Vec::new();
        if let Some(shell) = self.completions {
            let name = program.get_name().to_owned();
            clap_complete::generate(shell, &mut program, name, &mut text);
            return Some(Ok(text));
        }
        self.man.then(|| Man::new(program).render(&mut text).map(|()| text))
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    #[command(name = "sorter")]
    struct Program {
        /// Sort backwards
        #[arg(long)]
        reverse: bool,
        #[command(flatten)]
        describe: DescribeArgs,
    }

    fn text(flags: &[&str]) -> Option<String> {
        let program = Program::parse_from([&["sorter"], flags].concat());
        assert!(!program.reverse);
        let text = program.describe.text(Program::command())?.unwrap();
        Some(String::from_utf8(text).unwrap())
    }

    #[test]
    fn shells_and_man_learn_the_flags() {
        assert!(text(&["--completions", "bash"]).unwrap().contains("complete -F _sorter"));
        assert!(text(&["--completions", "zsh"]).unwrap().starts_with("#compdef sorter"));
        let page = text(&["--man"]).unwrap();
        assert!(page.contains(".TH sorter 1") && page.contains("Sort backwards"), "{page}");
        assert_eq!(text(&[]), None);
    }
}
