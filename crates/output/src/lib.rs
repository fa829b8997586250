//! Standard output and standard error. A write to them can fail at any time: the reader of a pipe has left, or the
//! disk under a log file is full. `println!` and `eprintln!` panic then, so the lints of the workspace forbid them;
//! what this crate writes is lost instead, and the program goes on.

mod log_writer;
mod room;

use std::fmt::Arguments;
use std::io::{self, Write};

pub use log_writer::LogWriter;
pub use room::{Bar, with_bar};

/// Prints a line to standard output, for people: if it cannot be written, it is lost.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::say_line(format_args!($($text)*)) };
}

/// Prints a line to standard error: if it cannot be written, it is lost.
#[macro_export]
macro_rules! note {
    ($($text:tt)*) => { $crate::note_line(format_args!($($text)*)) };
}

/// What [`say!`] calls.
pub fn say_line(text: Arguments<'_>) {
    room::write(|| {
        let _ = writeln!(io::stdout().lock(), "{text}");
    });
}

/// What [`note!`] calls.
pub fn note_line(text: Arguments<'_>) {
    // In one call, so that lines of several processes in one file do not mix.
    let line = format!("{text}\n");
    room::write(|| {
        let _ = io::stderr().lock().write_all(line.as_bytes());
    });
}

/// Whether anybody still reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Reads,
    /// It has closed the pipe, as `head` does once it has seen enough. This is not a failure.
    Left,
}

/// Prints a line of data to standard output. Data must not be lost unnoticed: any error except for a reader that has
/// left is returned.
pub fn data(line: &str) -> io::Result<Reader> {
    reader(writeln!(io::stdout().lock(), "{line}"))
}

fn reader(written: io::Result<()>) -> io::Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Left),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_left_is_not_a_failure_and_a_full_disk_is() {
        assert_eq!(reader(Ok(())).unwrap(), Reader::Reads);
        assert_eq!(reader(Err(io::ErrorKind::BrokenPipe.into())).unwrap(), Reader::Left);
        assert!(reader(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
