//! Starts child processes so that none outlives this process, and none receives its Ctrl-C.
//!
//! The kernel sends the parent-death signal when the *thread* that started the child ends, so a server would
//! die with the short-lived thread of the test that started it. One thread, which ends only with the process,
//! therefore starts all children.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;

use nix::sys::signal::Signal;

/// A command, and how its process relates to this one.
pub(crate) struct Launch {
    pub command: Command,
    /// The kernel sends it to the child when this process dies, however that happens.
    pub death_signal: Signal,
    /// Stays open in the child, which so holds the lock for as long as it lives.
    pub lock: Option<File>,
    /// Whether the child gets a process group of its own, which the terminal's Ctrl-C does not reach.
    pub own_group: bool,
}

type Job = (Command, mpsc::Sender<io::Result<Child>>);

pub(crate) fn spawn(launch: Launch) -> io::Result<Child> {
    let Launch { mut command, death_signal, lock, own_group } = launch;
    let parent = std::process::id();
    let inherited: Option<RawFd> = lock.as_ref().map(AsRawFd::as_raw_fd);
    if own_group {
        command.process_group(0);
    }
    // SAFETY: between fork and exec only async-signal-safe calls are made (prctl, getppid, fcntl), and
    // nothing is allocated.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || before_exec(parent, death_signal, inherited));
    }
    let (reply, answer) = mpsc::channel();
    spawner()
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .send((command, reply))
        .map_err(|_| spawner_ended())?;
    let child = answer.recv().map_err(|_| spawner_ended())?;
    // Not earlier, because the descriptor has to stay open until the child has its copy.
    drop(lock);
    child
}

fn spawner() -> &'static Mutex<mpsc::Sender<Job>> {
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::spawn(move || {
            // The sender is a static, so this loop ends with the process.
            for (mut command, reply) in queue {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    })
}

fn before_exec(parent: u32, death_signal: Signal, inherited: Option<RawFd>) -> io::Result<()> {
    // `Command` has changed the user before this runs; that change would clear the signal.
    nix::sys::prctl::set_pdeathsig(death_signal)?;
    // The parent may have died before the call above, and then no signal comes.
    if nix::unistd::getppid().as_raw() != parent.cast_signed() {
        return Err(io::Error::from_raw_os_error(nix::errno::Errno::ESRCH as i32));
    }
    if let Some(fd) = inherited {
        // SAFETY: the parent keeps the file open until this child has been started.
        #[allow(unsafe_code)]
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))?;
    }
    Ok(())
}

fn spawner_ended() -> io::Error {
    io::Error::other("the thread that starts child processes has ended")
}
