# shellcheck shell=bash
# Reading the log: offsets, ends, records of any shape, the group, and Kafka's rights.

mutate offset-reset crates/event-log/src/settings/fixed.rs \
  's~\("auto\.offset\.reset", "error"\)~("auto.offset.reset", "earliest")~' \
  -p event-log --lib -- properties_do_not_reach
mutate offset-reset-live crates/event-log/src/settings/fixed.rs \
  's~\("auto\.offset\.reset", "error"\)~("auto.offset.reset", "earliest")~' \
  "${faults[@]}" fault_18 fault_19
mutate late-answer crates/event-log/src/consumer/readings.rs \
  's~assigned\.assignment == from\.assignment\n *&& ~~' \
  -p event-log --lib -- an_answer_to_an_earlier_assignment

# The end that somebody else knows, instead of the one that the reading has reached.
mutate known-end crates/event-log/src/consumer/poll.rs \
  's~let generation = self\.consumer\(\)\.context\(\)\.state\(\)\.readings\.reached~let known = self.consumer().fetch_watermarks(&self.topic, partition.0, SEEK_TIMEOUT);
        let end = known.map_or(end, |(_, known)| Position(known));
        $&~' \
  -p event-log --test log -- ends::
mutate end-of-replay crates/event-log/src/replay.rs \
  's~!self\.reached\(partition, end, ~!self.reached(partition, Position(i64::MAX), ~' \
  -p event-log --test log -- ends::
mutate end-of-pick crates/event-log/src/pick.rs \
  's~match end >= after~match end >= Position::START~' \
  -p event-log --test log -- ends::
mutate end-of-fingerprint crates/event-log/src/fingerprints.rs \
  's~\Qopen.get(&partition).is_some_and(|offset| Position::after(*offset) <= end)\E~open.contains_key(&partition)~' \
  -p event-log --test log -- ends::
mutate end-before-span crates/event-log/src/replay.rs \
  's~if end < span\.to \{~if end < Position::START {~' \
  -p event-log --test log -- ends::a_log_that_ends_below
# A seek each second, as in a partition that seems stuck.
mutate seek-each-second crates/event-log/src/consumer/poll.rs \
  's~(self\.bootstrap\.give_again\(self\.consumer\(\)\.client\(\)\);)~$1
                if self.warned_at.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
                    self.warned_at = Some(Instant::now());
                    for one in self.assignment()?.elements() {
                        let _ = self.consumer().seek(&self.topic, one.partition(), Offset::Beginning, SEEK_TIMEOUT);
                    }
                }~' \
  "${faults[@]}" fault_46

mutate header-names crates/event-log/src/incoming/message.rs \
  's~CStr::from_ptr\(name\)\.to_bytes\(\)~CStr::from_ptr(name).to_str().unwrap().as_bytes()~' \
  "${faults[@]}" fault_45
mutate many-headers crates/event-log/src/incoming/message.rs \
  's~_ => return None,~_ => return Some(()),~' \
  "${faults[@]}" fault_45
mutate size-of-headers crates/orders/src/decode.rs \
  's~key_bytes \+ value_bytes \+ header_bytes~value_bytes~' \
  -p orders --test decode
mutate length-of-message crates/orders/src/decode/cause.rs \
  's~if message\.len\(\) > MAX_MESSAGE_BYTES~if message.is_empty()~' \
  -p orders

mutate second-member crates/event-log/src/consumer/poll.rs \
  's~\n *Some\(RDKafkaErrorCode::FencedInstanceId\) => return Err\(Error::FencedInstance\),~~' \
  -p event-log --test log -- groups::a_second_member
mutate starving-partition crates/event-log/src/lane_queue/waiting.rs \
  's~const PASSED_OVER_LIMIT: u64 = 2;~const PASSED_OVER_LIMIT: u64 = 1000;~' \
  -p event-log --lib -- lane_queue::
mutate small-chunks crates/event-log/src/lane_queue/waiting.rs \
  's~\(!size\.reaches\(self\.small\) && ~(size == Size::default() \&\& ~' \
  -p event-log --lib -- lane_queue::
mutate bytes-that-wait crates/event-log/src/lane_queue/waiting.rs \
  's~ \|\| self\.size\.bytes >= most\(self\.limits\.bytes\)~~' \
  -p event-log --lib -- lane_queue::
mutate memory-of-chunks crates/event-log/src/lane_queue/waiting.rs \
  's~if self\.spare\.len\(\) < MOST_SPARE \{~if true {~' \
  -p event-log --lib -- lane_queue::
# Each of the two would do: pausing what is assigned to a paused lane, and pausing a lane again that still gets records.
mutate paused-lane crates/event-log/src/consumer/poll.rs \
  's~\n *self\.pauses\.pause_assigned\(self\.receiver\.consumer\(\)\);~~;
   s~if let Some\(lane\) = full \{~let lanes = &self.membership.lanes;
        if let Some(lane) = full.filter(|lane| lanes[*lane].records() <= 2) {~' \
  -p event-log --test log -- groups::partitions_that_are_assigned
mutate resume-revoked crates/event-log/src/consumer/context.rs \
  's~consumer\.resume\(&list\)\?;~~' \
  -p event-log --test log -- groups::a_partition_that_was_revoked
mutate new-protocol crates/event-log/src/settings/fixed.rs \
  's~\Qconfig.get("group.protocol").is_some_and(\E~config.get("none").is_some_and(~' \
  -p event-log -- the_new_protocol members_of_the_new_protocol
mutate silent-partition crates/event-log/src/ends.rs \
  's~\Q.or_else(|| known.get(&partition).copied())\E~~' \
  -p event-log --lib -- ends::
mutate failed-seek crates/event-log/src/consumer/seeks.rs \
  's~\n *self\.open\.push\(from\);~~' \
  -p event-log --lib -- seeks::
mutate missing-right crates/event-log/src/error.rs \
  's~Some\(right\) => Self::Denied \{ attempt, right \},~Some(_) => Self::Kafka { attempt, cause },~' \
  -p event-log --lib -- error::
mutate names-of-readers crates/event-log/src/settings/clients.rs \
  's~format!\("\{\}-\{role\}", self\.group\)~format!("food-orders-{role}")~' \
  -p event-log --lib -- settings::

# What our programs give a topic on three brokers, and how many brokers a folder's data belongs to.
mutate replicas-of-topic crates/event-log/src/topic.rs \
  's~spec\.replicas\.is_none\(\) && brokers >= WANTED_REPLICAS~brokers == usize::MAX~' \
  "${faults[@]}" fault_17_leader_killed
mutate number-of-brokers crates/local-stack/src/kafka/cluster_file.rs \
  's~found\.filter\(\|\(_, found\)\| \*found != brokers\)~found.filter(|_| false)~' \
  -p local-stack --lib -- cluster_file
mutate events-of-a-writer crates/event-log/src/produce.rs \
  's~EVENTS_A_TURN: u32 = 64~EVENTS_A_TURN: u32 = 1~' \
  --workspace --test log -- no_brokers::writers_deliver
