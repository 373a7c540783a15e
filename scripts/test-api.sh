#!/bin/sh
# Schemathesis against the studio: requests made from its own document, right ones and wrong ones, and each answer held against it.
# In: the program's path. Out: what it found, and status 1; SECONDS_MAX, SEED and RUNS_KEPT=yes change what they say.
# Never: a run or a token of this checkout, a flow that does more than print a word.
set -eu
program=${1:-target/debug/flow-studio}
cd "$(dirname "$0")/.."
case $program in /*) ;; *) program=$PWD/$program ;; esac
here=$PWD
tools=$PWD/.tools/schemathesis
wanted=$here/scripts/schemathesis.txt

command -v python3 > /dev/null 2>&1 || { echo "make: python3 not found; schemathesis needs 3.10 or later, with venv" >&2; exit 1; }
if ! cmp -s "$wanted" "$tools/installed.txt"; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$wanted"
  cp "$wanted" "$tools/installed.txt"
fi

work=$(mktemp -d)
studio=
finish() {
  [ -z "$studio" ] || kill "$studio" 2> /dev/null || true
  if [ "${RUNS_KEPT:-}" = yes ]; then echo "the runs are in $work"; else rm -rf "$work"; fi
}
trap finish EXIT INT TERM
mkdir -p "$work/flows" "$work/agents"
cd "$work"
cat > flows/works.yaml <<'END'
flow: works
title: A word is said
params:
  word: {type: string, default: fine, pattern: '[a-z]+', description: What is said}
steps:
  - {id: good, run: 'echo "$PARAM_WORD"'}
  - {id: each, for_each: "['a', 'b']", as: letter, run: 'echo each'}
END
cat > flows/fails.yaml <<'END'
flow: fails
title: A step fails
steps:
  - {id: bad, run: 'echo broken >&2; exit 3'}
END
cat > flows/gate.yaml <<'END'
flow: gate
title: A person is asked
steps:
  - id: gate
    ask: {question: 'Go on?', severity: HIGH}
  - {id: then, run: 'echo went on'}
END
printf 'flow: broken\nsteps: [{id: a, rnu: x}]\n' > flows/broken.yaml
start() {
  expected=$1
  shift
  status=0
  "$program" -q run "$@" > /dev/null 2>&1 || status=$?
  [ "$status" = "$expected" ] || { echo "test-api: run $* ended with $status, not $expected" >&2; exit 1; }
}
start 0 works --run-id done
start 1 fails --run-id failed
start 4 gate --run-id waits
start 4 gate --run-id waits-too
start 0 works --run-id torn
echo '{' > run_base/torn/journal.jsonl

"$program" -q serve --bind 127.0.0.1:0 > link 2> serve.log &
studio=$!
tries=0
until grep -q token= link; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] && kill -0 "$studio" 2> /dev/null || { echo 'test-api: the studio did not start' >&2; cat serve.log >&2; exit 1; }
  sleep 0.1
done
address=$(sed 's|/login.*||' link)
token=$(sed 's|.*token=||' link)

# First with names that schemathesis makes up, then with those of each run. What is left out, and why:
# events: a stream does not end, so no request for one does; tests/studio/live.rs reads them.
# negative_data_rejection, positive_data_acceptance: that a run is not there, or a digest is another one, no schema can say.
# missing_required_header: what comes from no page of the studio, and without a token, is refused as that (403), not as unknown (401).
each=$((${SECONDS_MAX:-90} / 5 + 1))
ask() {
  "$tools/bin/schemathesis" --config-file "$1" run "$address/api/v1/openapi.json" --header "Authorization: Bearer $token" \
    --exclude-path-regex '/events$' --exclude-checks negative_data_rejection,positive_data_acceptance,missing_required_header \
    --phases "$2" --seed "${SEED:-1}" --max-examples 40 --max-time "$each" --request-timeout 20 \
    --workers 1 --continue-on-failure --warnings off --no-color
}
status=0
: > names.toml
ask names.toml coverage,fuzzing,stateful || status=1
while read -r run flow step question; do
  echo "== with the names of run $run"
  printf '[parameters]\n"path.run" = "%s"\n"path.question" = "%s"\n"path.flow" = "%s"\n"query.flow" = "%s"\n"query.step" = "%s"\n' \
    "$run" "$question" "$flow" "$flow" "$step" > names.toml
  ask names.toml coverage,fuzzing < /dev/null || status=1
done << 'END'
done works good none-1
failed fails bad none-1
waits gate gate gate-1
torn works good none-1
END
kill -0 "$studio" 2> /dev/null || { echo 'test-api: the studio has ended' >&2; cat serve.log >&2; status=1; }
if grep -q panicked serve.log; then cat serve.log >&2; status=1; fi
exit "$status"
