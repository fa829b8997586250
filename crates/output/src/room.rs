//! Room for a line on a terminal whose last line is taken by a progress bar.

use std::sync::{PoisonError, RwLock};

type MakeRoom = Box<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

static MAKE_ROOM: RwLock<Option<MakeRoom>> = RwLock::new(None);

/// While this value lives, what this crate writes makes room for itself first.
#[must_use]
#[derive(Debug)]
pub struct Bar(());

/// `make_room` has to take the bar away, call its argument, which writes a line, and draw the bar again. It must not write
/// through this crate itself.
pub fn with_bar(make_room: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> Bar {
    *MAKE_ROOM.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(make_room));
    Bar(())
}

impl Drop for Bar {
    fn drop(&mut self) {
        *MAKE_ROOM.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

pub(crate) fn write(mut write: impl FnMut()) {
    match &*MAKE_ROOM.read().unwrap_or_else(PoisonError::into_inner) {
        Some(make_room) => make_room(&mut write),
        None => write(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::LogWriter;

    #[test]
    fn every_line_makes_room_for_itself_while_there_is_a_bar() {
        static ROOMS: AtomicU32 = AtomicU32::new(0);
        let bar = super::with_bar(|write| {
            ROOMS.fetch_add(1, Ordering::SeqCst);
            write();
        });
        crate::say!("a line on standard output");
        crate::note!("a line on standard error");
        LogWriter.write_all(b"a line of the log\n").unwrap();
        assert_eq!(ROOMS.load(Ordering::SeqCst), 3);
        drop(bar);
        crate::note!("a line without a bar");
        assert_eq!(ROOMS.load(Ordering::SeqCst), 3);
    }
}
