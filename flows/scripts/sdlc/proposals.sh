#!/bin/sh
# Every proposal names what it rests on, and each of these runs exists.
set -eu
file=$ARTIFACTS/proposals.md
count=$(grep -c '^## ' "$file" || true)
for label in Evidence Change Measure; do
    said=$(grep -c "^- $label: " "$file" || true)
    [ "$said" -ge "$count" ] || { echo "$count proposals, and only $said lines \`- $label: …\` in $file" >&2; exit 1; }
done
sed -n 's/^- Evidence: //p' "$file" | grep -o '`[^`]*`' | tr -d '`' | cut -d/ -f1 | sort -u | while IFS= read -r run; do
    grep -q "\"run_id\": *\"$run\"" "$ARTIFACTS/history.json" || { echo "the run \`$run\`, named as evidence, is not in history.json" >&2; exit 1; }
done
echo "$count proposals, each with its evidence"
