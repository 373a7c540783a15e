#!/bin/sh
# The change under discussion. Out: diff.patch, change.json, which is printed too.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"

made=$RUN_BASE/build/artifacts/branch.json
base=$(field base "$made")
target=$(field target "$made")
if [ -z "$base" ]; then
    target=${PARAM_TARGET:-$(default_branch)}
    [ -n "$target" ] || blocked "the branch that this is to be merged into: --param target=NAME"
    base=$(git merge-base HEAD "$target")
fi
git diff "$base" HEAD -- . > "$ARTIFACTS/diff.patch"
{
    echo '{'
    printf '  "base": %s,\n' "$(json_string "$base")"
    printf '  "head": %s,\n' "$(json_string "$(git rev-parse HEAD)")"
    printf '  "branch": %s,\n' "$(json_string "$(git symbolic-ref -q --short HEAD || true)")"
    printf '  "target": %s,\n' "$(json_string "${PARAM_TARGET:-$target}")"
    printf '  "uncommitted": %s,\n' "$(changes | grep -c '' || true)"
    git diff --numstat "$base" HEAD -- . | awk '{ files++; added += $1; removed += $2 } END { printf "  \"files\": %d,\n  \"added\": %d,\n  \"removed\": %d\n", files, added, removed }'
    echo '}'
} > "$ARTIFACTS/change.json"
cat "$ARTIFACTS/change.json"
