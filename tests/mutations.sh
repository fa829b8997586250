#!/usr/bin/env bash
#
# tests/mutations.sh [NAME...] - removes the code behind a promise, one at a time, and shows which tests fail.
#
# Works on a copy of HEAD in a worktree of its own, with a target folder of its own (target/mutations). The exit code is 1
# if a mutation survives, because then no test checks that promise.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
export CARGO_TARGET_DIR=$root/target/mutations
survived=0

tear_down() {
  git -C "$root" worktree remove --force "$work/tree" 2> /dev/null || true
  rm -rf "$work"
}
trap tear_down EXIT
git -C "$root" worktree add --quiet --detach "$work/tree" HEAD
cd "$work/tree"

# mutate NAME FILE PERL_SUBSTITUTION TEST_ARGUMENTS...: changes the file, and runs `cargo test` with the arguments.
mutate() {
  local name=$1 file=$2 substitution=$3
  shift 3
  if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then return; fi
  perl -0pi -e "$substitution" "$file"
  if git diff --quiet; then
    echo "$name: $file no longer contains the code to remove"
    exit 2
  fi
  local log=$work/$name.log
  if ! cargo build --workspace --locked > "$log" 2>&1; then
    tail -n 30 "$log"
    echo "$name: the mutated code does not compile"
    exit 2
  fi
  if "$CARGO_TARGET_DIR/debug/local-stack" exec --no-fsync -- cargo test --locked --no-fail-fast "$@" > "$log" 2>&1; then
    survived=$((survived + 1))
    printf '%-18s SURVIVED: cargo test %s\n' "$name" "$*"
  else
    printf '%-18s found by %s\n' "$name" \
      "$(sed -n 's/^test \(.*\) \.\.\. FAILED.*/\1/p' "$log" | sort -u | paste -sd ' ')"
    if ! grep -q '^test .* \.\.\. FAILED' "$log"; then
      tail -n 30 "$log"
      exit 2
    fi
  fi
  git checkout --quiet .
}

wanted=("$@")
faults=(-p end-to-end --test faults --)

mutate compare-and-set crates/views/src/apply/writer.rs \
  's/\n *AND p\.owner_epoch = moved\.owner_epoch AND p\.next_offset = moved\.from_offset//' \
  -p views --test ownership
# shellcheck disable=SC2016  # $3 belongs to the SQL
mutate epoch-raise crates/views/src/ownership/claim.rs \
  's/SET owner_epoch = p\.owner_epoch \+ 1, owner = \$3/SET owner_epoch = p.owner_epoch, owner = \$3/' \
  -p views --test ownership
mutate upsert-guard crates/views/src/apply/upsert.sql \
  's/\nWHERE o\.sequence < .*//s' \
  "${faults[@]}" fault_27 fault_28 fault_29
mutate database-first consumer/src/coordinator.rs \
  's/self\.consumer\.commit\(offsets\);/drop(offsets);
            let ahead = self.ends.latest.borrow().clone();
            let ranges = ahead.into_iter().flat_map(|ends| ends.ranges);
            self.consumer.commit(ranges.map(|(partition, range)| (partition, range.end_offset)).collect());/' \
  "${faults[@]}" fault_05
mutate offset-reset crates/event-log/src/consumer.rs \
  's/\("auto\.offset\.reset", "error"\)/("auto.offset.reset", "earliest")/' \
  -p event-log --lib -- properties_do_not_reach
mutate offset-reset-live crates/event-log/src/consumer.rs \
  's/\("auto\.offset\.reset", "error"\)/("auto.offset.reset", "earliest")/' \
  "${faults[@]}" fault_18 fault_19
mutate known-end crates/event-log/src/consumer/poll.rs \
  's/let end = self\.consumer\.context\(\)\.state\(\)\.readings\.end\(partition\);/let context = self.consumer.context();
        let generation = context.state().readings.generation(partition);
        let end = generation.and_then(|generation| Some((context.end_offset(partition)?, generation)));/' \
  -p event-log --test log -- an_end_that_is_known_later
mutate late-answer crates/event-log/src/consumer/readings.rs \
  's/assigned\.assignment == from\.assignment\n *&& //' \
  -p event-log --lib -- an_answer_to_an_earlier_assignment
mutate late-claim consumer/src/assignment.rs \
  's/\.filter\(\|assigned\| assigned\.generation == generation\)//' \
  -p consumer -- assignment

[ "$survived" = 0 ] || exit 1
