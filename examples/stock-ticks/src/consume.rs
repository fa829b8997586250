//! `stock-ticks consume`: reads the topic from its beginning and prints the table: redrawn on a terminal, else one line per tick.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use event_log::{KafkaSettings, OwnedRecord, Tail, TailFrom};
use output::Reader;
use service::{Failure, Shell};

use crate::table::Table;
use crate::tick::Tick;

const TURN: Duration = Duration::from_millis(100);
/// Moves to the upper left corner and clears what is below.
const REDRAW: &str = "\x1b[H\x1b[J";

pub fn run(kafka: &KafkaSettings, shell: &Shell) -> Result<(), Failure> {
    let tail = Tail::start(kafka, &[&kafka.topic], TailFrom::Beginning)?;
    let is_terminal = std::io::stdout().is_terminal();
    let (mut table, mut drawn, mut is_stale) = (Table::default(), Instant::now(), true);
    while !shell.stop.is_cancelled() {
        if let Some(record) = tail.next(TURN)?
            && let Some(line) = add(&mut table, &record)
        {
            is_stale = true;
            if !is_terminal && output::data(&line)? == Reader::Left {
                return Ok(());
            }
        }
        if is_terminal && is_stale && drawn.elapsed() >= TURN {
            output::say!("{REDRAW}{table}\nCtrl-C ends it.");
            (drawn, is_stale) = (Instant::now(), false);
        }
    }
    Ok(())
}

/// The line of the tick in the table; `None` if the record is skipped.
fn add(table: &mut Table, record: &OwnedRecord) -> Option<String> {
    let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
    let added = Tick::parse(&value).and_then(|tick| {
        let row = table.add(tick.clone(), record.appended_millis).ok_or("the table is full")?;
        Ok(format!("{:12} {row}", tick.symbol))
    });
    added.inspect_err(|why| output::note!("offset {} is skipped: {value:?}: {why}", record.offset)).ok()
}
