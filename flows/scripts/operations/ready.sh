# ready.sh NAME…: fixes the commands for the rest of the run, and says which of these are missing. In: PARAM_CONF. Out: operations.conf in
# STEP_DIR. Never: a file anywhere else; what is edited later has no say in this run.
set -eu
. "$FLOWS/scripts/operations/lib.sh"
[ -f "$PARAM_CONF" ] || blocked "$PARAM_CONF: a file with one line \`name = command\` each for: $*"
mkdir -p "$STEP_DIR"
cp "$PARAM_CONF" "$STEP_DIR/operations.conf"
missing=
for name in "$@"; do
    [ -n "$(command_of "$name")" ] || missing="$missing $name"
done
[ -z "$missing" ] || blocked "commands: write \`name = command\` into $PARAM_CONF for:$missing"
echo ready
