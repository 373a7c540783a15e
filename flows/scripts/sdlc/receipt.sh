#!/bin/sh
# One receipt (or, with --handoff, one handoff) of this run, as the program itself reads it. In: flow/step. Out: its JSON.
# Exit code 1 and no JSON: there is none, so nothing was measured.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
program show "$RUN_ID" "$1" "${2:---receipt}" --json
