#!/bin/sh
# The critic: measures what is left. Every file of the proposal has the line once, and nothing else about it changed.
set -eu
cd "$ARTIFACTS/scratch"
licence=$(cat "$ARTIFACTS/licence.txt")
mkdir -p "$STEP_DIR"
: > "$STEP_DIR/left"

while IFS= read -r file; do
    times=$(grep -c 'SPDX-License-Identifier:' "$file" || true)
    if [ "$times" -eq 0 ]; then
        basename "$file" >> "$STEP_DIR/left"
        continue
    fi
    # The name of the licence, in the line that this file gained.
    git diff --numstat -- "$file" | awk -v file="$file" '$1 != 1 || $2 != 0 { print file ": more than one line changed"; bad = 1 } END { exit bad }' >&2
    git diff -U0 -- "$file" | grep -q "^+.*SPDX-License-Identifier: $licence\$" || { echo "$file: another line changed" >&2; exit 1; }
done < "$ARTIFACTS/targets.txt"

if [ -s "$STEP_DIR/left" ]; then
    echo "still without the line: $(tr '\n' ' ' < "$STEP_DIR/left")" >&2
    exit 1
fi
echo "nothing is left: all $(grep -c '' "$ARTIFACTS/targets.txt") files name their licence"
