//! What asks a running command to end: signals, and the end of the standard input.

use std::io::Read;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Attempt, Error, Result};

/// A signal this soon after the first one is the same request: GNU `timeout` signals the process and then its group.
const REPEATED_WITHIN: Duration = Duration::from_secs(1);

/// A request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Interrupt,
    Terminate,
    InputClosed,
}

/// Receives the requests to end. A second signal, more than a second after the first, ends this process
/// immediately, and the kernel then ends its children.
#[derive(Debug)]
pub struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

impl Events {
    /// From now on, a first signal is an event and no longer ends the process.
    pub fn listen() -> Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let (reply, ready) = mpsc::channel();
        let events = sender.clone();
        thread::spawn(move || watch_signals(&events, &reply));
        match ready.recv() {
            Ok(Ok(())) => Ok(Self { sender, receiver }),
            Ok(Err(e)) => Err(e).attempt("listening for signals"),
            Err(_) => Err(Error::ThreadPanicked { task: "listens for signals" }),
        }
    }

    /// Makes the end of the standard input an event too. Its content is ignored.
    pub fn watch_input(&self) {
        let events = self.sender.clone();
        thread::spawn(move || {
            let mut buffer = [0; 256];
            while matches!(std::io::stdin().read(&mut buffer), Ok(n) if n > 0) {}
            let _ = events.send(Event::InputClosed);
        });
    }

    /// The next event, if one arrives within this time.
    pub fn wait(&self, limit: Duration) -> Option<Event> {
        self.receiver.recv_timeout(limit).ok()
    }
}

fn watch_signals(events: &Sender<Event>, reply: &Sender<std::io::Result<()>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            let _ = reply.send(Err(e));
            return;
        }
    };
    runtime.block_on(async {
        let listen = || {
            Ok::<_, std::io::Error>((
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ))
        };
        let (mut interrupt, mut terminate, mut hangup) = match listen() {
            Ok(signals) => signals,
            Err(e) => {
                let _ = reply.send(Err(e));
                return;
            }
        };
        let _ = reply.send(Ok(()));
        let mut first: Option<Instant> = None;
        loop {
            let event = tokio::select! {
                _ = interrupt.recv() => Event::Interrupt,
                _ = terminate.recv() => Event::Terminate,
                _ = hangup.recv() => Event::Terminate,
            };
            match first {
                None => {
                    first = Some(Instant::now());
                    let _ = events.send(event);
                }
                Some(first) if first.elapsed() >= REPEATED_WITHIN => {
                    output::note!("Ended immediately, because of a second signal.");
                    std::process::exit(130);
                }
                Some(_) => {}
            }
        }
    });
}
