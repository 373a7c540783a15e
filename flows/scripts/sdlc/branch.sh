#!/bin/sh
# A branch of its own for the work of this run. Out: branch.json. Never: uncommitted changes of somebody else taken along.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
branch=flow-studio/$RUN_ID
if [ "$(git symbolic-ref -q --short HEAD || true)" != "$branch" ]; then
    if [ -n "$(changes)" ]; then
        changes | head -n 10 >&2
        echo "there are uncommitted changes in $PWD; commit them or set them aside (git stash), then: retry" >&2
        exit 1
    fi
    target=$(git symbolic-ref -q --short HEAD || true)
    base=$(git rev-parse HEAD)
    if git rev-parse -q --verify "refs/heads/$branch" > /dev/null; then
        # The run was here before; its work goes on.
        base=$(git merge-base HEAD "$branch")
        git checkout -q "$branch"
    else
        git checkout -q -b "$branch"
    fi
    printf '{\n  "branch": %s,\n  "target": %s,\n  "base": %s\n}\n' "$(json_string "$branch")" "$(json_string "$target")" "$(json_string "$base")" > "$ARTIFACTS/branch.json"
fi
[ -f "$ARTIFACTS/branch.json" ] || { echo "$branch is checked out, and this run did not make it; check out the branch that you want changed" >&2; exit 1; }
cat "$ARTIFACTS/branch.json"
