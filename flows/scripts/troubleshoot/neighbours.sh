# neighbours.sh: the other accounts are as they are known to be. In: the commands `others` and `others-known`. Out: one JSON, and what
# differs in artifacts/STEP.diff.
set -eu
. "$FLOWS/scripts/operations/lib.sh"
mkdir -p "$STEP_DIR" "$ARTIFACTS"
outer others-known > "$STEP_DIR/known.txt"
outer others > "$STEP_DIR/now.txt"
differences "$STEP_DIR/known.txt" "$STEP_DIR/now.txt"
