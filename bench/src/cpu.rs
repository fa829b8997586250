//! Processor time and memory, from /proc.

use std::fs;

/// The unit of the times in /proc, which is the same on all processors that this program runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of this process, in seconds.
pub fn of_this_process() -> Option<f64> {
    Some(seconds(this_process()?.ticks))
}

/// User and system time of all its child processes that have ended, in seconds.
pub fn of_ended_children() -> Option<f64> {
    Some(seconds(this_process()?.ended_children_ticks))
}

fn this_process() -> Option<Stat> {
    Stat::read(i32::try_from(std::process::id()).ok()?)
}

/// User and system time of a process and all its children, living and ended, in seconds.
pub fn of_process_tree(root: i32) -> Option<f64> {
    loop {
        let before = Stat::read(root)?;
        let mut ticks = before.ticks + before.ended_children_ticks;
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(stat) = pid.and_then(Stat::read)
                && stat.parent == root
            {
                ticks += stat.ticks + stat.ended_children_ticks;
            }
        }
        // A child that has ended meanwhile may be in neither sum, so read again.
        if Stat::read(root)?.ended_children_ticks == before.ended_children_ticks {
            return Some(seconds(ticks));
        }
    }
}

/// The parent of a process, if it is a program with this name.
pub fn parent_named(pid: i32, program: &str) -> Option<i32> {
    let parent = Stat::read(pid)?.parent;
    let name = fs::read_to_string(format!("/proc/{parent}/comm")).ok()?;
    (name.trim() == program).then_some(parent)
}

/// The seconds for which the machine's processors were busy since its start, and the seconds that have passed
/// on all of them.
pub fn of_machine() -> Option<(f64, f64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; guest time is part of user's.
    let ticks: Vec<u64> = line.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    let all: u64 = ticks.iter().sum();
    Some((seconds(all - idle), seconds(all)))
}

/// The peak of a process's resident memory, in bytes.
pub fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

struct Stat {
    parent: i32,
    ticks: u64,
    ended_children_ticks: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The numbers follow the name, which is in parentheses and may contain parentheses itself.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            ticks: number(11)? + number(12)?,
            ended_children_ticks: number(13)? + number(14)?,
        })
    }
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_is_skipped() {
        let stat = Stat::parse("7 (a) (b c) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0").unwrap();
        assert_eq!((stat.parent, stat.ticks, stat.ended_children_ticks), (3, 30, 70));
    }

    #[test]
    fn times_and_memory_can_be_read_on_this_machine() {
        let (busy, all) = of_machine().unwrap();
        assert!(busy > 0.0 && busy < all);
        assert!(peak_memory(std::process::id()).unwrap() > 100_000);
        assert!(of_process_tree(std::process::id() as i32).is_some());
    }
}
