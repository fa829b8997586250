//! `stock-ticks produce`: writes ticks to the topic until they end or Ctrl-C.

use std::io::BufRead;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use event_log::{KafkaSettings, NewRecord, RecordWriter};
use service::{Failure, Shell};

use crate::market::Market;
use crate::tick::Tick;

/// From one made-up tick to the next, and the longest wait before Ctrl-C is looked at again.
const TURN: Duration = Duration::from_millis(300);

pub fn made_up(kafka: &KafkaSettings, shell: &Shell) -> Result<(), Failure> {
    let writer = RecordWriter::connect(kafka)?;
    let mut market = Market::new();
    while !shell.stop.is_cancelled() {
        write(&writer, kafka, &market.tick(&mut rand::rng()))?;
        std::thread::sleep(TURN);
    }
    Ok(writer.finish(shell.shutdown_timeout)?)
}

pub fn typed(kafka: &KafkaSettings, shell: &Shell) -> Result<(), Failure> {
    let writer = RecordWriter::connect(kafka)?;
    // Reading blocks until a line comes, so that another thread does it.
    let (sender, lines) = sync_channel(100);
    std::thread::spawn(move || std::io::stdin().lock().split(b'\n').try_for_each(|line| sender.send(line)));
    while !shell.stop.is_cancelled() {
        let line = match lines.recv_timeout(TURN) {
            Ok(line) => line?,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let line = String::from_utf8_lossy(&line);
        match Tick::parse(&line) {
            Ok(tick) => write(&writer, kafka, &tick)?,
            Err(why) => output::note!("{line:?} is skipped: {why}"),
        }
    }
    Ok(writer.finish(shell.shutdown_timeout)?)
}

fn write(writer: &RecordWriter, kafka: &KafkaSettings, tick: &Tick) -> event_log::Result<()> {
    let (key, value) = (Some(tick.symbol.as_bytes()), tick.to_string());
    writer.send(&NewRecord { topic: &kafka.topic, partition: None, key, value: value.as_bytes() })
}
