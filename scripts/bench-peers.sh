#!/bin/sh
# The chain of stub steps, beside LangGraph with its SQLite checkpointer, one after the other on the same disk.
# Installs LangGraph from PyPI into target/peers; needs python3 with venv.
set -eu
cd "$(dirname "$0")/.."
steps=${STEPS:-1000}
command -v python3 >/dev/null || { echo "bench-peers needs python3" >&2; exit 1; }
cargo build --release --quiet
venv=target/peers/venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import langgraph.checkpoint.sqlite' 2>/dev/null ||
    "$venv/bin/pip" install --quiet langgraph langgraph-checkpoint-sqlite
work=$(mktemp -d target/peers/work.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/flows" "$work/agents"
printf -- '---\nname: worker\ndescription: does nothing\n---\nDo nothing.\n' > "$work/agents/worker.md"
{
    printf 'flow: chain\nsteps:\n'
    at=0
    while [ "$at" -lt "$steps" ]; do
        echo "  - {id: s$at, agent: worker}"
        at=$((at + 1))
    done
} > "$work/flows/chain.yaml"
ours() {
    start=$(date +%s%N)
    (cd "$work" && ../../release/flow-studio -q run chain --engine stub --run-id "r$1")
    echo $((($(date +%s%N) - start) / 1000000))
}
echo "steps: $steps; LangGraph $("$venv/bin/pip" show langgraph | sed -n 's/^Version: //p')"
for round in 1 2 3; do
    theirs=$("$venv/bin/python" benches/peers/langgraph_chain.py "$steps" "$work/peer$round.sqlite")
    mine=$(ours "$round")
    echo "round $round: LangGraph $theirs ms (graph not counted), Flow Studio $mine ms (start, load and exit counted): $(awk "BEGIN{printf \"%.1f\", $theirs / $mine}") x"
done
