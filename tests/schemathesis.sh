#!/usr/bin/env bash
#
# Has schemathesis ask a real api for everything that its OpenAPI document describes, and for what it rules out, with the
# admin token and without any token. Runs inside `local-stack exec`, which names the servers; $1 is the folder of our programs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=$(cd "$1" && pwd)
environment=$root/target/schemathesis
token='token-of-the-test'
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export API_LISTEN=127.0.0.1:$port LOG_LEVEL=warn

if [ ! -x "$environment/bin/st" ]; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet schemathesis==4.32.5
fi

# What schemathesis keeps of a run lies there.
cd "$environment"

"$programs/producer" --orders 200 --rate 0 --cancel-share 0.2 --seed 1 > /dev/null
"$programs/consumer" --until-caught-up
psql -Xq "$DATABASE_URL" -c "INSERT INTO build_1.dead_letters
  (partition, \"offset\", cause, error, order_id, payload, payload_bytes, headers, appended_at)
  SELECT 0, 1000000 + n, 'bad_json', 'no JSON', 'ORD-000001', 'no JSON', 7, '[[\"name\", \"value\"]]', now() FROM generate_series(1, 60) n"

# check NAME FLAGS...: starts an api, and has it asked.
check() {
  local name=$1 api code=0
  shift
  "$programs/api" &
  api=$!
  # shellcheck disable=SC2064 # this api, whatever comes later
  trap "kill $api 2> /dev/null || true" EXIT
  python3 - "http://$API_LISTEN/health/ready" << 'END'
import sys, time, urllib.request
for _ in range(100):
    try:
        urllib.request.urlopen(sys.argv[1])
        break
    except OSError:
        time.sleep(0.2)
else:
    sys.exit("the api is not ready after 20 s")
END
  echo "schemathesis, $name"
  "$environment/bin/st" --config-file "$root/tests/schemathesis.toml" run "http://$API_LISTEN/openapi.json" --seed 1 --max-examples 40 --no-color \
    --warnings off "$@" || code=$?
  kill "$api"
  wait "$api" || true
  [ "$code" = 0 ] || exit "$code"
}

API_ADMIN_TOKEN=$token check 'without a token'
API_ADMIN_TOKEN=$token API_READ_TOKEN=another check 'with the admin token' --header "Authorization: Bearer $token"
