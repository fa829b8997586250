# shellcheck shell=bash
# The programs: when a consumer joins its group and commits, what they wait for, their outputs and signals.

mutate database-first consumer/src/coordinator.rs \
  's~if self\.group_watch\.is_verified\(\)\n *&& let Some\(offsets\) = self\.group_offsets\.due\(Instant::now\(\), &positions\)~let ends = self.ends.latest.borrow().clone();
        let ranges = ends.into_iter().flat_map(|ends| ends.ranges);
        let ahead: Positions = ranges.map(|(partition, range)| (partition, range.end_offset)).collect();
        if self.group_watch.is_verified()
            && let Some(offsets) = self.group_offsets.due(Instant::now(), &ahead)~' \
  "${faults[@]}" fault_05
mutate late-claim consumer/src/assignment.rs \
  's~\.filter\(\|assigned\| assigned\.generation == generation\)~~' \
  --workspace --bin consumer -- assignment
mutate other-version consumer/src/projection.rs \
  's~let Err\(error\) = active\.check_version\(\) else~let Err(error) = active.check_version().or(Ok::<(), views::Error>(())) else~' \
  "${faults[@]}" fault_38
mutate group-of-another consumer/src/group_check.rs \
  's~Some\(mark\) if !self\.is_own\(&mark\) => Err~Some(mark) if mark.deployment.is_empty() => Err~' \
  "${faults[@]}" fault_71
mutate mark-before-joining consumer/src/prepare.rs \
  's~group\.before_joining\(first_position\)\.await\?;~let _ = (first_position, GroupCheck::before_joining);~' \
  "${faults[@]}" fault_71
mutate commit-unverified consumer/src/group_watch.rs \
  's~\*self\.assignments\.borrow\(\) == self\.verified\.load\(Ordering::Relaxed\)~true~' \
  "${faults[@]}" fault_71_mark
mutate unanswered consumer/src/log_check/fingerprints.rs \
  's~if settings\.accepts_unverified_log \{~if settings.accepts_unverified_log || true {~' \
  "${faults[@]}" fault_74_last_applied_record_cannot
mutate deleted-record consumer/src/log_check/unverified.rs \
  's~if !self\.gone\.is_empty\(\) \{~if self.gone.len() == usize::MAX {~' \
  --workspace --bin consumer -- unverified
mutate build-gone consumer/src/lane_task.rs \
  's~\(Recovery::Reclaim \| Recovery::BuildGone, _\) => \{~(Recovery::BuildGone, _) => return Err(error),
                (Recovery::Reclaim, _) => {~' \
  "${faults[@]}" fault_72
mutate no-ends consumer/src/kafka_state.rs \
  's~match waited < KAFKA_AWAY_AFTER~match waited < Duration::MAX~' \
  --workspace --bin consumer -- kafka_state
mutate silent-in-health consumer/src/kafka_state.rs \
  's~since\.elapsed\(\) >= KAFKA_AWAY_AFTER~since.elapsed() >= Duration::MAX~' \
  --workspace --bin consumer -- kafka_state
mutate adopts-its-own api/src/rebuilds.rs \
  's~if !self\.jobs\.is_empty\(\)~if self.jobs.len() == usize::MAX~' \
  "${faults[@]}" fault_57
mutate start-of-database crates/retry/src/lib.rs \
  's~is_passing\(error\) && began\.elapsed\(\) < limit~is_passing(error) \&\& began.elapsed() > limit~' \
  "${faults[@]}" fault_76
mutate broken-migration crates/views/src/error/recovery.rs \
  's~\n *Self::Migration \{ connection_lost: true, \.\. \} => Recovery::Retry,~~' \
  "${faults[@]}" fault_76

mutate log-lines crates/output/src/log_writer.rs \
  's~let _ = io::stderr\(\)\.lock\(\)\.write_all\(line\);~eprint!("{}", String::from_utf8_lossy(line));~' \
  "${faults[@]}" fault_70
mutate printed-lines crates/output/src/lib.rs \
  's~let _ = writeln!\(io::stdout\(\)\.lock\(\), "\{text\}"\);~println!("{text}");~' \
  "${faults[@]}" fault_70
mutate notes crates/output/src/lib.rs \
  's~let _ = io::stderr\(\)\.lock\(\)\.write_all\(line\.as_bytes\(\)\);~eprint!("{line}");~' \
  "${faults[@]}" fault_70
mutate lost-data crates/output/src/lib.rs \
  's~Err\(error\) => Err\(error\),~Err(_) => Ok(Reader::Left),~' \
  -p output
mutate file-size-limit crates/service/src/signals.rs \
  's~signal\(SignalKind::from_raw\(SIGXFSZ\)\)~signal(SignalKind::user_defined1())~' \
  "${faults[@]}" fault_70
mutate repeated-signal crates/service/src/signals.rs \
  's~if first\.elapsed\(\) >= REPEATED_WITHIN~if first.elapsed() >= Duration::ZERO~' \
  "${faults[@]}" fault_75
