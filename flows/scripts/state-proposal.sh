#!/bin/sh
# The files of the proposal as they are in the scratch copy now, one after the other.
set -eu
cd "$ARTIFACTS/scratch"
{ cat "$ARTIFACTS/targets.txt"; echo tests/licence_lines.rs; } | sort -u | while IFS= read -r file; do
    if [ -f "$file" ]; then
        echo "=== $file"
        cat "$file"
    fi
done
