#!/bin/sh
# Runs a small flow and keeps its journal, whole and line by line, with the word PREV where the target puts the digest.
set -eu
program=$(realpath "$1") to=$(realpath "$2")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
mkdir flows
cat > flows/seed.yaml <<'FLOW'
flow: seed
title: seed
params: {who: {type: string, default: you}}
steps:
  - {id: one, run: 'echo one', expect: {stdout: one}}
  - {id: shot, snapshot: {name: shot, files: ['*.txt'], commands: {said: 'echo said'}}}
  - {id: fails, run: 'exit 3', on_failure: continue}
  - {id: ask-me, ask: {question: "Go on, {{params.who}}?"}}
FLOW
echo text > some.txt
"$program" run seed --run-id r -q --wait-ok 2>/dev/null
"$program" review answer r/ask-me-1 --choose approve --note fine >/dev/null
"$program" resume r -q 2>/dev/null
sed -E '2,$s/"prev":"[0-9a-f]{64}"/"prev":"PREV"/' run_base/r/journal.jsonl > "$to/whole"
head -c 300 "$to/whole" > "$to/torn"
{ cat "$to/whole"; head -c 1024 /dev/zero; } > "$to/padded"
{ printf '!'; cat run_base/r/journal.jsonl; } > "$to/as-it-is"
