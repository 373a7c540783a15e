#!/bin/sh
# Applies the change; --undo takes it back and proves it. In: the commands `apply`, `undo`, `live`, the snapshot `pre`.
# Never: an undo that is called done while what is live differs from the snapshot by one byte.
set -eu
. "$FLOWS/scripts/change/lib.sh"
mkdir -p "$STEP_DIR"
if [ "${1:-}" = --undo ]; then
    outer undo
    for what in live sources others; do
        outer "$what" > "$STEP_DIR/$what.txt"
        cmp -s "$STEP_DIR/$what.txt" "$RUN_BASE/$FLOW/snapshots/pre/commands/$what.txt" || {
            echo "$what is not as it was before: compare snapshots/pre/commands/$what.txt" >&2; exit 1; }
    done
    echo 'as it was before, byte for byte'
    exit 0
fi
outer apply
echo applied
