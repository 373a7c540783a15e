#!/bin/sh
# The whole proposal as one patch that `git apply` takes; empty if there is nothing to propose.
set -eu
cd "$ARTIFACTS/scratch"
git add --intent-to-add -- .
git diff --no-color --no-ext-diff HEAD > "$ARTIFACTS/proposal.patch"
git diff --numstat HEAD | awk '{ added += $1; removed += $2 } END { printf "{\"files\": %d, \"added\": %d, \"removed\": %d}\n", NR, added, removed }'
