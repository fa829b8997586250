#!/usr/bin/env bash
#
# tests/compose.sh - the compose test: builds the image, starts docker-compose.yml and then docker-compose.cluster.yml and
# docker-compose.zookeeper.yml, each as a project of its own on free ports, and checks from outside what a user would check. Prints
# one line per check, and removes everything at the end, volumes included.
#
#   tests/compose.sh                                     with `docker compose`, or else with `docker-compose`
#   tests/compose.sh zookeeper                           only this file; or some of: single cluster zookeeper
#   FOOD_ORDERS_COMPOSE=docker-compose tests/compose.sh  with this command
#
# If no engine answers or an image is missing, FOOD_ORDERS_DOCKER_STANDINS may name a folder whose program `up` provides
# both (default: shared/docker-standins beside the repository, if there is one).
#
# Exit code: 0 all checks passed · 1 a check failed · 77 skipped, because there is no Docker.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
standins=${FOOD_ORDERS_DOCKER_STANDINS:-$root/../shared/docker-standins}
images=(postgres:18 rust:1.95-bookworm debian:bookworm-slim)
standin_groups=() # for the program `up` of the stand-ins
parts=" ${*:-single cluster zookeeper} "
for part in $parts; do
  case $part in
    single | cluster) images+=(apache/kafka:4.3.1) ;;
    zookeeper)
      images+=(confluentinc/cp-zookeeper:7.9.1 confluentinc/cp-kafka:7.9.1)
      standin_groups=(--with legacy)
      ;;
    *) echo "usage: tests/compose.sh [single] [cluster] [zookeeper]" >&2; exit 2 ;;
  esac
done
work=$(mktemp -d)
output=$work/output # of the last command
passed=0

# ------------------------------------------------------------------ checks

# check WHAT COMMAND...: prints one line. The first check that fails ends the test.
check() {
  local what=$1 start=$SECONDS
  shift
  if "$@" > "$output" 2>&1; then
    passed=$((passed + 1))
    printf 'ok    %s (%d s)\n' "$what" "$((SECONDS - start))"
  else
    fail "$what" "$((SECONDS - start))"
  fi
}

fail() { # fail WHAT SECONDS: prints the last output, the state of the project and the end of its logs
  printf 'FAIL  %s (%d s)\n' "$1" "$2"
  tail -n 40 "$output" | sed 's/^/      /'
  if $started; then
    { compose ps; compose logs --no-color --tail=20; } 2>&1 | sed 's/^/      | /'
  fi
  echo "$passed passed, 1 failed"
  exit 1
}

# within SECONDS COMMAND...: repeats the command until it succeeds or the time is over.
within() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then return 1; fi
    sleep 1
  done
}

# ---------------------------------------------------------- the single checks

# Each part sets these: its file, the container in which Kafka's tools run, and how their names end there.
file='' broker='' tool_suffix=''

compose() {
  "${compose_command[@]}" --project-name "$project" --project-directory "$root" --file "$root/$file" "$@"
}

# all_healthy COUNT: the project has at least this many containers, and all are running and healthy.
all_healthy() {
  local states
  # shellcheck disable=SC2046  # ids
  states=$(docker inspect --format '{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' $(compose ps -q))
  printf '%s\n' "$states"
  [ "$(wc -l <<< "$states")" -ge "$1" ] && ! grep -qv ' running healthy$' <<< "$states"
}

get() {
  curl --silent --show-error --fail --max-time 10 --header 'Accept: application/json' "http://127.0.0.1:$FOOD_ORDERS_API_PORT$1"
}

post() { # post PATH BODY [curl option]...: prints the status code only
  local path=$1 body=$2
  shift 2
  curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' --header 'Content-Type: application/json' \
    --data "$body" "$@" "http://127.0.0.1:$FOOD_ORDERS_API_PORT$path"
}

orders_are_served() {
  get '/orders?limit=3' | tee "$work/orders"
  grep -q '"order_id"' "$work/orders"
}

answers_say_how_fresh_they_are() {
  curl --silent --dump-header - --output /dev/null --max-time 10 "http://127.0.0.1:$FOOD_ORDERS_API_PORT/orders?limit=1" | tee "$work/headers"
  grep -qi '^applied-offsets: *[0-9]*=[0-9]' "$work/headers" && grep -qi '^lag-events:' "$work/headers"
}

topic_is_an_event_store() {
  docker exec "$broker" "kafka-topics$tool_suffix" --bootstrap-server "$broker:29092" --describe --topic food-orders | tee "$work/topic"
  grep -q 'PartitionCount: 6' "$work/topic" && grep -q 'retention.ms=-1' "$work/topic" &&
    grep -q 'message.timestamp.type=LogAppendTime' "$work/topic"
}

console_consumer_shows_events() { # console_consumer_shows_events BOOTSTRAP_SERVER
  docker exec kafka "kafka-console-consumer$tool_suffix" --bootstrap-server "$1" --topic food-orders --from-beginning \
    --max-messages 5 --timeout-ms 30000 | tee "$work/events"
  [ "$(grep -c '"event":' "$work/events")" = 5 ]
}

psql_in_container() {
  docker exec kafka-postgres psql --username=kafka_user --dbname=food_orders --no-align --tuples-only --command="$1"
}

tables_have_rows() {
  local count
  psql_in_container 'SELECT order_id, status, last_updated FROM orders ORDER BY order_id LIMIT 3'
  count=$(psql_in_container 'SELECT count(*) FROM orders')
  echo "$count rows in orders"
  [ "$count" -gt 0 ]
}

# Sends an event in the minimal form, as if typed by hand.
append() { # append EVENT ORDER_ID
  printf '{"event": "%s", "order_id": "%s"}\n' "$1" "$2" |
    docker exec --interactive kafka "kafka-console-producer$tool_suffix" --bootstrap-server kafka:29092 --topic food-orders
}

order_is() { # order_is ORDER_ID STATUS
  get "/orders/$1" | tee "$work/order"
  grep -q "\"status\": *\"$2\"" "$work/order"
}

typed_event_arrives() { # typed_event_arrives EVENT ORDER_ID STATUS
  append "$1" "$2" && within 30 order_is "$2" "$3"
}

more_orders_than() {
  [ "$(psql_in_container 'SELECT count(*) FROM orders')" -gt "$1" ]
}

orders_grow() {
  within 60 more_orders_than "$(psql_in_container 'SELECT count(*) FROM orders')"
}

group_has_members() { # group_has_members COUNT: each has partitions, and together they have all six
  docker exec "$broker" "kafka-consumer-groups$tool_suffix" --bootstrap-server "$broker:29092" --group order-processors --describe --members |
    tee "$work/members"
  awk -v want="$1" '$1 == "order-processors" { members++; partitions += $NF; if ($NF == 0) idle++ }
    END { exit !(members == want && partitions == 6 && !idle) }' "$work/members"
}

scale_recreates_nothing() {
  local before
  before=$(compose ps -q | sort)
  compose up --detach --scale consumer=3 || return 1
  [ -z "$(comm -23 <(echo "$before") <(compose ps -q | sort))" ]
}

topic_is_replicated() {
  # From the description that topic_is_an_event_store has left.
  grep -q 'ReplicationFactor: 3' "$work/topic" && grep -q 'min.insync.replicas=2' "$work/topic"
}

consumers_have_names() {
  # From the description that group_has_members has left.
  for name in C1 C2 C3; do grep -q " $name " "$work/members" || return 1; done
}

broker_keeps_events() {
  docker exec kafka "kafka-configs$tool_suffix" --bootstrap-server kafka:29092 --describe --entity-type brokers --entity-name 1 --all |
    grep '^ *log.retention' | tee "$work/retention"
  grep -q 'log.retention.hours=-1 ' "$work/retention"
}

zookeeper_has_the_topic() {
  docker exec kafka zookeeper-shell zookeeper:2181 ls /brokers/topics | tee "$work/znodes"
  grep -q 'food-orders' "$work/znodes"
}

down_and_up() {
  compose down --timeout 60 && compose up --detach
}

all_in_sync() {
  docker exec "$broker" "kafka-topics$tool_suffix" --bootstrap-server "$broker:29092" --describe --topic food-orders --under-replicated-partitions |
    tee "$work/behind"
  [ ! -s "$work/behind" ]
}

post_needs_the_token() {
  local status
  status=$(post /rebuilds '{"view":"orders","dry_run":true}')
  echo "without a token: $status"
  [ "$status" = 401 ] || return 1
  status=$(post /rebuilds '{"view":"orders","dry_run":true}' --header "Authorization: Bearer $(compose exec -T api cat /var/lib/food-orders/admin-token)")
  echo "with the token: $status"
  [ "$status" = 200 ]
}

token_is_printed() {
  compose logs --no-color api | grep 'admin token: [0-9a-f]\{48\}'
}

view_build() {
  curl --silent --max-time 10 --dump-header - --output /dev/null "http://127.0.0.1:$FOOD_ORDERS_API_PORT/orders?limit=1" |
    tr -d '\r' | awk 'tolower($1) == "view-build:" { print $2 }'
}

rebuild_switches() {
  local before after
  before=$(view_build)
  compose run --rm -T replay-rebuild || return 1
  after=$(view_build)
  echo "build $before before, $after after"
  [ "$after" -gt "$before" ]
}

# On SIGTERM, our programs finish what they are doing and end with exit code 0.
ours_stop_cleanly() { # ours_stop_cleanly SERVICE...
  local ids codes
  ids=$(compose ps -q "$@")
  compose stop "$@"
  # shellcheck disable=SC2086  # ids
  codes=$(docker inspect --format '{{.Name}} exited with {{.State.ExitCode}}' $ids)
  printf '%s\n' "$codes"
  ! grep -qv ' exited with 0$' <<< "$codes"
}

# ------------------------------------------------------------------ set-up

engine_answers() {
  docker version > /dev/null 2>&1
}

images_are_there() {
  local image
  for image in "${images[@]}"; do
    docker image inspect "$image" > /dev/null 2>&1 || return 1
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

started_engine=false
provide_engine() {
  if ! engine_answers || ! images_are_there; then
    if [ -x "$standins/up" ]; then
      engine_answers || started_engine=true
      # A copy, because files that are read-only here would be read-only in the images, where Kafka's start script writes to them.
      cp -r "$standins" "$work/standins"
      chmod -R u+w "$work/standins"
      check "engine and images by $standins/up" as_root "$work/standins/up" "${standin_groups[@]}"
    fi
  fi
  engine_answers
}

# Prints a port that nobody listens on. If another program takes it first, `up` fails and says so.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    if ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
      echo "$port"
      return
    fi
  done
}

started=false
remove_project() {
  if ! $started; then return 0; fi
  if compose down --volumes --remove-orphans --timeout 40 > "$output" 2>&1; then
    started=false
    echo "removed project $project and its volumes"
  else
    echo "could not remove project $project:"
    tail -n 20 "$output"
    return 1
  fi
}

tear_down() {
  local status=$?
  trap '' INT TERM
  remove_project || [ "$status" != 0 ] || status=1
  if $started_engine; then as_root "$work/standins/down" || true; fi
  rm -rf "$work"
  exit "$status"
}
trap tear_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# -------------------------------------------------------------------- main

project=food-orders-test-$$
if ! provide_engine; then
  echo "skipped: no Docker engine answers, and $standins has none to start"
  exit 77
fi
if [ -n "${FOOD_ORDERS_COMPOSE:-}" ]; then
  read -ra compose_command <<< "$FOOD_ORDERS_COMPOSE"
elif docker compose version > /dev/null 2>&1; then
  compose_command=(docker compose)
elif command -v docker-compose > /dev/null; then
  compose_command=(docker-compose)
else
  echo "skipped: there is a Docker engine, but neither 'docker compose' nor 'docker-compose'"
  exit 77
fi

for name in kafka zookeeper kafka-1 kafka-2 kafka-3 kafka-postgres; do
  if docker container inspect "$name" > /dev/null 2>&1; then
    echo "FAIL  a container named '$name' exists already, and our compose files use the same name." \
      "Stop the project that it belongs to (docker-compose down), then try again."
    echo "0 passed, 1 failed"
    exit 1
  fi
done

FOOD_ORDERS_API_PORT=$(free_port)
FOOD_ORDERS_KAFKA_PORT=$(free_port)
FOOD_ORDERS_KAFKA_PORT_2=$(free_port)
FOOD_ORDERS_KAFKA_PORT_3=$(free_port)
FOOD_ORDERS_POSTGRES_PORT=$(free_port)
FOOD_ORDERS_ZOOKEEPER_PORT=$(free_port)
export FOOD_ORDERS_API_PORT FOOD_ORDERS_KAFKA_PORT FOOD_ORDERS_KAFKA_PORT_2 FOOD_ORDERS_KAFKA_PORT_3 FOOD_ORDERS_POSTGRES_PORT
export FOOD_ORDERS_ZOOKEEPER_PORT
unset API_ADMIN_TOKEN KAFKA_LOG_RETENTION_HOURS # so that a token is generated, and the retention is our default
export PRODUCER_RATE=50
echo "project $project, api on port $FOOD_ORDERS_API_PORT, with: ${compose_command[*]}"

test_single() {
  file=docker-compose.yml
  broker=kafka
  tool_suffix=.sh
  started=true
  check "up starts everything" compose up --detach
  check "all five containers become healthy" within 180 all_healthy 5
  check "GET /orders serves rows" within 60 orders_are_served
  check "answers say how fresh they are" answers_say_how_fresh_they_are
  check "the topic has 6 partitions, no retention limit, append times" topic_is_an_event_store
  check "kafka-console-consumer.sh shows events at kafka:29092" console_consumer_shows_events kafka:29092
  check "... and at localhost:$FOOD_ORDERS_KAFKA_PORT" console_consumer_shows_events "localhost:$FOOD_ORDERS_KAFKA_PORT"
  check "psql shows the table orders with rows" tables_have_rows
  check "an event typed by hand reaches the API" typed_event_arrives OrderPaid "COMPOSE-$$" paid
  check "the generated admin token is printed" token_is_printed
  check "POST is accepted only with the token" post_needs_the_token
  check "consumer scales to 3, and all that runs goes on" scale_recreates_nothing
  check "all seven containers become healthy" within 120 all_healthy 7
  check "three members share the six partitions" within 60 group_has_members 3
  check "the number of orders keeps growing" orders_grow
  check "replay-rebuild replays from offset 0 and switches to the new tables" rebuild_switches
  check "a later event of the same order reaches the API" typed_event_arrives OrderShipped "COMPOSE-$$" shipped
  check "producer, consumers and api stop cleanly" ours_stop_cleanly producer consumer api
  remove_project
}

test_cluster() {
  file=docker-compose.cluster.yml
  broker=kafka-1
  tool_suffix=.sh
  started=true
  check "the cluster starts" compose up --detach
  check "three brokers, postgres, producer, C1 to C3 and api become healthy" within 240 all_healthy 9
  check "the topic has 6 partitions, no retention limit, append times" topic_is_an_event_store
  check "... with three replicas, of which two must be in sync" topic_is_replicated
  check "C1, C2 and C3 share the six partitions" within 60 group_has_members 3
  check "... under these names" consumers_have_names
  check "GET /orders serves rows" within 60 orders_are_served
  check "a broker is killed" docker kill kafka-2
  check "the number of orders keeps growing" orders_grow
  check "the broker starts again" docker start kafka-2
  check "all replicas are in sync" within 60 all_in_sync
  check "the number of orders keeps growing" orders_grow
  check "producer, consumers and api stop cleanly" ours_stop_cleanly producer c1 c2 c3 api
  remove_project
}

test_zookeeper() {
  file=docker-compose.zookeeper.yml
  broker=kafka
  tool_suffix=''
  started=true
  check "ZooKeeper, Kafka 3.9 and all else start" compose up --detach
  check "all six containers become healthy" within 240 all_healthy 6
  check "GET /orders serves rows" within 60 orders_are_served
  check "the topic has 6 partitions, no retention limit, append times" topic_is_an_event_store
  check "no other topic loses events after a week either" broker_keeps_events
  check "kafka-console-consumer shows events at kafka:29092" console_consumer_shows_events kafka:29092
  check "... and at localhost:$FOOD_ORDERS_KAFKA_PORT" console_consumer_shows_events "localhost:$FOOD_ORDERS_KAFKA_PORT"
  check "ZooKeeper has the topic" zookeeper_has_the_topic
  check "an event typed by hand reaches the API" typed_event_arrives OrderPaid "COMPOSE-$$" paid
  check "replay-rebuild replays from offset 0 and switches to the new tables" rebuild_switches
  check "ZooKeeper and Kafka are killed together" docker kill zookeeper kafka
  check "... and start again together" compose up --detach
  check "all six containers become healthy" within 240 all_healthy 6
  check "a later event of the same order reaches the API" typed_event_arrives OrderShipped "COMPOSE-$$" shipped
  check "down and up keep the data" down_and_up
  check "all six containers become healthy" within 240 all_healthy 6
  check "... and the order is there" within 60 order_is "COMPOSE-$$" shipped
  check "producer, consumer and api stop cleanly" ours_stop_cleanly producer consumer api
  remove_project
}

check "the image builds" timeout 2400 "${compose_command[@]}" --project-name "$project" --project-directory "$root" \
  --file "$root/docker-compose.yml" build
for part in $parts; do "test_$part"; done
echo "$passed passed, 0 failed"
