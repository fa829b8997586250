# shellcheck shell=bash
# Rebuilds: whether the log still is what the live tables were made from, and what is kept, verified and switched in.

mutate records-before-loading crates/rebuild/src/planning.rs \
  's~!differences\.is_empty\(\) && \(!purpose~false \&\& (!purpose~' \
  "${faults[@]}" fault_64
mutate records-after-loading crates/rebuild/src/steps/load.rs \
  's~if !loaded\.iter\(\)\.any\(differs\)~if loaded.len() != usize::MAX~' \
  "${faults[@]}" fault_62
mutate records-under-the-lock crates/rebuild/src/steps/switch.rs \
  's~self\.other_records\(session, switch\.prefixes\(\)\)\.await\?~self.other_records(session, switch.prefixes()).await?.filter(|_| false)~' \
  --workspace --test switch
mutate verified-under-the-lock crates/rebuild/src/steps/switch.rs \
  's~if let Some\(failure\) = verification\.failure \{~if let (Some(failure), true) = (verification.failure, false) {~' \
  "${faults[@]}" fault_66
mutate last-stretch crates/rebuild/src/steps/switch.rs \
  's~if differences\.is_empty\(\) \{~if differences.is_empty() || true {~' \
  "${faults[@]}" fault_66
mutate totals-verified crates/rebuild/src/steps/verify.rs \
  's~\n *totals::compare\(.*?\);~~' \
  --workspace --test refused
# What verifying compares where this process has derived the orders.
derived=crates/rebuild/src/steps/verify/derived.rs
mutate history-as-derived "$derived" 's~history == self\.made\.history && ~~' --workspace --test damaged
mutate orders-as-derived "$derived" 's~ && orders == self\.made\.orders~~' --workspace --test damaged
mutate log-as-derived "$derived" 's~ && blocks::differing\(&self\.log\.blocks, &self\.made\.blocks\)\.is_empty\(\)~~' --workspace --test damaged
mutate dead-letters-as-derived "$derived" 's~\n *&& self\.dead_letters == sum_dead_letters\(scope\)~~' --workspace --test damaged
mutate own-seed crates/views/src/rebuild/history_sum.rs 's~hash_record_extended\(h, .*?\)\)";~hash_record_extended(h, 0)";~' --workspace --test damaged
mutate owner-of-copied-orders crates/views/src/rebuild/orders_copy.rs \
  's~\n *owner\.lock_in\(.*?\)\.await\?;~~' \
  --workspace --test orders_copy
mutate every-part crates/rebuild/src/steps/derive.rs 's~in parts\.iter\(\)~in parts.iter().skip(1)~' --workspace --test parts
mutate indexes-of-parts crates/views/src/builds.rs 's~if parts != Parts::ONE~if false~' --workspace --test parts
mutate totals-of-last-stretch crates/rebuild/src/steps/verify/stretch.rs \
  's~\n *totals::compare\(.*?\);~~s' \
  "${faults[@]}" fault_66
mutate other-log crates/rebuild/src/log_state.rs \
  's~Some\(found\) => match found\.conflict_with\(&plan\.log_identity\(\)\) \{~Some(found) => match found.conflict_with(\&plan.log_identity()).filter(|_| false) {~' \
  "${faults[@]}" fault_65
mutate other-log-under-the-lock crates/rebuild/src/steps/switch.rs \
  's~if let Some\(failure\) = other_log \{~if let Some(failure) = other_log.filter(|_| false) {~' \
  "${faults[@]}" fault_65
mutate lost-before-applied crates/rebuild/src/planning/checks.rs \
  's~one\.begin > one\.live_position~one.begin < 0~' \
  "${faults[@]}" fault_62
mutate warnings-of-topic crates/rebuild/src/planning/survey.rs \
  's~self\.topic_settings\.iter\(\)\.flat_map\(\|topic\| topic\.warnings\.clone\(\)\)\.collect\(\)~Vec::new()~' \
  "${faults[@]}" fault_61 --include-ignored

mutate kept-history-differs crates/views/src/rebuild/keep_history.rs \
  's~if !unequal\.is_empty\(\)~if unequal.len() == usize::MAX~' \
  "${faults[@]}" fault_64
mutate kept-digests crates/views/src/rebuild/keep_history.rs \
  's~self\.take_over_digests\(tx\)\.await\?;~~' \
  "${faults[@]}" fault_62
mutate kept-rows-verified crates/rebuild/src/steps/verify.rs \
  's~if let Some\(plan\) = kept \{~if let Some(plan) = kept.filter(|_| false) {~' \
  "${faults[@]}" fault_62
mutate limit-of-resumed crates/rebuild/src/start.rs \
  's~settings\.codec\.max_record_bytes = build\.max_record_bytes\(session, own\)\.await\?;~let _ = (own, \&mut settings);~' \
  --workspace --test one_at_a_time
mutate cancel-request crates/views/src/rebuild/row_owner.rs 's~ RETURNING cancel_requested_by~ RETURNING NULL::text~' \
  --workspace --test cancel
mutate cancel-left-behind crates/rebuild/src/ownership.rs \
  's~if let Some\(by\) = &row\.cancel_requested_by \{~if let (Some(by), false) = (&row.cancel_requested_by, true) {~' \
  --workspace --test cancel
mutate cancel-long-statement crates/views/src/rebuild/row_owner.rs 's~interrupt\(tx\.client\(\), build\)\.await\?;~~' \
  --workspace --test cancel
mutate schema-of-a-retry crates/views/src/decisions.rs \
  's~known\.missing_for_retry\(record\.value, self\.questions\)~known.missing(record.value)~' \
  --workspace --test schemas
mutate dead-letter-without-schema crates/rebuild/src/steps/verify/admission.rs \
  's~&& lacked_a_schema\(record, dead_letter\)~\&\& false~' \
  --workspace --test schemas
mutate schemas-beside-the-live-build crates/rebuild/src/steps/switch.rs \
  's~events\.into_iter\(\)\.map\(event_in_live\)~events.into_iter().take(0).map(event_in_live)~' \
  --workspace --test schemas
