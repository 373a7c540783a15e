#!/bin/sh
# Whoever only writes into artifacts/ leaves the work tree as it was when the flow began.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"

work_state > "$STEP_DIR/state.now"
if ! cmp -s "$RUN_BASE/$FLOW/work/ready/state" "$STEP_DIR/state.now"; then
    echo "the work tree was changed, which is not this step's to do; take it back: $(changes | head -n 5 | tr '\n' ' ')" >&2
    exit 1
fi
echo 'the work tree is as it was'
