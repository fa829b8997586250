//! Starts child processes so that none outlives us and none gets our Ctrl-C.
//!
//! The kernel's parent-death signal follows the *thread* that started the child, so a test's short-lived thread would take its
//! servers along. All children are therefore started by one thread that ends only with the process.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;

use nix::sys::signal::Signal;

/// What a child is started with, besides its command.
pub(crate) struct Launch {
    pub command: Command,
    /// Sent to the child by the kernel when we die, however we die.
    pub death_signal: Signal,
    /// Stays open in the child, so that its lock is held for as long as the child lives.
    pub lock: Option<File>,
    /// A process group of its own: the terminal's Ctrl-C does not reach it.
    pub own_group: bool,
}

type Job = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts the child.
pub(crate) fn spawn(launch: Launch) -> io::Result<Child> {
    let Launch { mut command, death_signal, lock, own_group } = launch;
    let parent = std::process::id();
    let inherited: Option<RawFd> = lock.as_ref().map(AsRawFd::as_raw_fd);
    if own_group {
        command.process_group(0);
    }
    // SAFETY: between fork and exec only async-signal-safe calls are made (prctl, getppid, fcntl), and nothing is allocated.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || before_exec(parent, death_signal, inherited));
    }
    let (reply, answer) = mpsc::channel();
    spawner()
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .send((command, reply))
        .map_err(|_| gone())?;
    let child = answer.recv().map_err(|_| gone())?;
    // Only now: the descriptor had to stay open until the child had its copy.
    drop(lock);
    child
}

fn spawner() -> &'static Mutex<mpsc::Sender<Job>> {
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::spawn(move || {
            // The sender is a static: this loop ends with the process.
            for (mut command, reply) in queue {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    })
}

fn before_exec(parent: u32, death_signal: Signal, inherited: Option<RawFd>) -> io::Result<()> {
    // After the change of user, which would clear it.
    nix::sys::prctl::set_pdeathsig(death_signal)?;
    // The parent may have died before the call above.
    if nix::unistd::getppid().as_raw() != parent.cast_signed() {
        return Err(io::Error::from_raw_os_error(nix::errno::Errno::ESRCH as i32));
    }
    if let Some(fd) = inherited {
        // SAFETY: the parent holds the file open until this child has been started.
        #[allow(unsafe_code)]
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))?;
    }
    Ok(())
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts child processes has ended")
}
