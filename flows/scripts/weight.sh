#!/bin/sh
# What the tracked files weigh, and which are the biggest.
set -eu
. "$FLOWS/scripts/json.sh"
mkdir -p "$STEP_DIR"

while IFS= read -r file; do
    printf '%d\t%s\n' "$(wc -c < "$file")" "$file"
done < "$ARTIFACTS/files.txt" | sort -k1,1nr -k2 > "$STEP_DIR/sizes"
{
    printf '{"bytes": %d, "biggest": [' "$(awk '{ sum += $1 } END { printf "%d", sum }' "$STEP_DIR/sizes")"
    between=
    head -n 5 "$STEP_DIR/sizes" > "$STEP_DIR/biggest"
    while IFS='	' read -r bytes file; do
        printf '%s\n  {"file": %s, "bytes": %d}' "$between" "$(json_string "$file")" "$bytes"
        between=,
    done < "$STEP_DIR/biggest"
    printf ']}\n'
} > "$ARTIFACTS/weight.json"
cat "$ARTIFACTS/weight.json"
