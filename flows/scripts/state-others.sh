#!/bin/sh
# Every other file of the scratch copy, by digest.
set -eu
cd "$ARTIFACTS/scratch"
{ cat "$ARTIFACTS/targets.txt"; echo tests/licence_lines.rs; } > "$ARTIFACTS/proposed.txt"
git -c core.quotepath=off ls-files --cached --others | sort -u | grep -vxF -f "$ARTIFACTS/proposed.txt" | while IFS= read -r file; do
    printf '%s  %s\n' "$(git hash-object -- "$file")" "$file"
done
