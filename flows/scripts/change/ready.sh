#!/bin/sh
# Fixes the commands for the rest of the run. In: PARAM_CONF. Out: operations.conf in STEP_DIR. Never: a file anywhere else.
set -eu
. "$FLOWS/scripts/change/lib.sh"
mkdir -p "$STEP_DIR"
[ -f "$PARAM_CONF" ] || blocked "$PARAM_CONF: a file with one line each for profile, live, sources, others, value, try, tell, apply, undo, smoke and arrived"
cp "$PARAM_CONF" "$STEP_DIR/operations.conf"
for name in profile live sources others value apply undo smoke tell try arrived; do
    [ -n "$(command_of "$name")" ] || blocked "a command: write \`$name = …\` into $PARAM_CONF"
done
echo ready
