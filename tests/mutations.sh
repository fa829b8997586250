#!/usr/bin/env bash
#
# tests/mutations.sh [NAME...] - removes the code behind a promise, one at a time, and shows which tests fail.
# tests/mutations.sh --check   - only looks whether the code to remove is still there.
#
# The mutations are in tests/mutations. They are made in a worktree of HEAD, which stays in target/mutations together with
# what was compiled, so that only what changes is compiled again. The exit code is 1 if a mutation survives, because then no
# test checks that promise, and 2 if one cannot be made any more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/mutations}
tree=$CARGO_TARGET_DIR/tree
survived=0
broken=0
only_check=false
if [ "${1:-}" = --check ]; then only_check=true; fi

# One Kafka and one PostgreSQL for all mutations: each test has a topic and a database of its own.
if ! $only_check && [ -z "${FOOD_ORDERS_TEST_KAFKA:-}" ]; then
  git -C "$root" worktree prune
  [ -e "$tree/.git" ] || git -C "$root" worktree add --quiet --detach --force "$tree" HEAD
  git -C "$tree" checkout --quiet --force --detach "$(git -C "$root" rev-parse HEAD)"
  (cd "$tree" && cargo build --workspace --locked)
  exec "$CARGO_TARGET_DIR/debug/local-stack" exec --no-fsync -- "$0" "$@"
fi
log=$(mktemp)
if $only_check; then
  trap 'rm -f "$log"' EXIT
  cd "$root"
else
  trap 'rm -f "$log"; git -C "$tree" checkout --quiet --force .' EXIT
  cd "$tree"
  # Most mutations make a test wait for what never comes.
  perl -pi -e 's/GIVE_UP_AFTER: Duration = Duration::from_secs\(60\)/GIVE_UP_AFTER: Duration = Duration::from_secs(30)/' \
    tests/src/harness/wait.rs
fi

# mutate NAME FILE PERL_SUBSTITUTION TEST_ARGUMENTS...: changes the file, and runs `cargo test` with the arguments.
mutate() {
  local name=$1 file=$2 substitution=$3
  shift 3
  if $only_check; then
    if perl -0pe "$substitution" "$file" | cmp --quiet - "$file"; then
      cannot_be_made "$name" "$file no longer contains the code to remove"
    fi
    return
  fi
  if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then return; fi
  perl -0pi -e "$substitution" "$file"
  if git diff --quiet "$file"; then
    cannot_be_made "$name" "$file no longer contains the code to remove"
  elif ! compile "$@" > "$log" 2>&1; then
    cannot_be_made "$name" "the mutated code does not compile"
  elif cargo test --locked --no-fail-fast "$@" > "$log" 2>&1; then
    survived=$((survived + 1))
    printf '%-22s SURVIVED: cargo test %s\n' "$name" "$*"
  elif grep -q '^test .* \.\.\. FAILED' "$log"; then
    printf '%-22s found by %s\n' "$name" \
      "$(sed -n 's/^test \(.*\) \.\.\. FAILED.*/\1/p' "$log" | sort -u | paste -sd ' ')"
  else
    cannot_be_made "$name" "no test ran to its end"
  fi
  git checkout --quiet --force "$file"
}

# The programs are only needed by the tests that start them.
compile() {
  case " $* " in *" faults "*) cargo build --workspace --locked "${programs[@]/#/--bin=}" ;; esac &&
    cargo test --locked --no-run "$@"
}

cannot_be_made() {
  broken=$((broken + 1))
  tail -n 30 "$log"
  printf '%-22s BROKEN: %s\n' "$1" "$2"
}

wanted=("$@")
programs=(api consumer local-stack producer replay-rebuild)
# With the features of the complete workspace, so that nothing is compiled in two ways.
# shellcheck disable=SC2034  # the lists use it
faults=(--workspace --test faults --)
for list in "$root"/tests/mutations/*.sh; do
  # shellcheck source=/dev/null
  source "$list"
done

[ "$broken" = 0 ] || exit 2
[ "$survived" = 0 ] || exit 1
