# drift.sh: what is live against the sources. In: the commands `live` and `sources`. Out: one JSON, and what differs in artifacts/STEP.diff.
set -eu
. "$FLOWS/scripts/operations/lib.sh"
mkdir -p "$STEP_DIR" "$ARTIFACTS"
right_account
outer sources > "$STEP_DIR/sources.txt"
outer live > "$STEP_DIR/live.txt"
differences "$STEP_DIR/sources.txt" "$STEP_DIR/live.txt"
