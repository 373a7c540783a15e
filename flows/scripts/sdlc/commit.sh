#!/bin/sh
# What build made, as one commit on its branch. Out: one JSON object. Never: a push.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
base=$(field base "$ARTIFACTS/branch.json")
git add -A -- . "$(runs_inside)"
if ! git diff --cached --quiet; then
    subject=$(sed -n 's/^# *//p' "$ARTIFACTS/requirements.md" | head -n 1 | cut -c1-72)
    git_as_somebody commit -q -m "${subject:-Work of run $RUN_ID}" -m "Run $RUN_ID of Flow Studio. Tests first, then the code that makes them pass."
fi
[ "$(git rev-parse HEAD)" != "$base" ] || { echo 'nothing was changed, so there is nothing to commit' >&2; exit 1; }
sh "$FLOWS/scripts/sdlc/change.sh"
