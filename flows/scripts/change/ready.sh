#!/bin/sh
# Fixes the commands for the rest of the run, where whoever approves sees them. In: PARAM_CONF. Out: commands.conf in ARTIFACTS.
# Never: a line of PARAM_CONF that is none of the commands, or the second of two.
set -eu
. "$FLOWS/scripts/change/lib.sh"
[ -f "$PARAM_CONF" ] || blocked "$PARAM_CONF: a file with one line each for $(echo "$names" | sed 's/ /, /g')"
for name in $names; do
    command=$(command_of "$name" < "$PARAM_CONF")
    [ -n "$command" ] || blocked "a command: write \`$name = …\` into $PARAM_CONF"
    printf '%s = %s\n' "$name" "$command"
done > "$fixed"
echo ready
