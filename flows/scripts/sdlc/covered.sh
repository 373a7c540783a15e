#!/bin/sh
# Every requirement is named where the plan speaks of tests. In: requirements.md, plan.md.
set -eu
sed -n 's/^- \(R[0-9][0-9]*\).*/\1/p' "$ARTIFACTS/requirements.md" | while IFS= read -r name; do
    sed -n '/^## Tests/,/^## Risks/p' "$ARTIFACTS/plan.md" | grep -w "$name" > /dev/null || { echo "$name has no test in the plan" >&2; exit 1; }
done
echo "every requirement has its test"
