# fix.sh ACCOUNT COMMAND: does what was approved. Both come from the run's record, where the approval's digest covers them; the page that was
# shown must still say the same. Never: a command that differs by one byte from what somebody has read.
set -eu
. "$FLOWS/scripts/operations/lib.sh"
mkdir -p "$STEP_DIR"
page "$1" "$2" > "$STEP_DIR/fix.sh"
cmp -s "$STEP_DIR/fix.sh" "$ARTIFACTS/fix.sh" || {
    echo "artifacts/fix.sh is not what was approved any more; nothing was run" >&2
    exit 1
}
right_account "$1"
sh -eu "$STEP_DIR/fix.sh" < /dev/null
echo 'done as shown'
