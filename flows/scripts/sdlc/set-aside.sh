#!/bin/sh
# Uncommitted work into a stash with a name. It is not thrown away: `git stash list` shows it, `git stash pop` brings it back.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
if [ -z "$(changes)" ]; then echo 'nothing to set aside'; exit 0; fi
git_as_somebody stash push -q --include-untracked -m "set aside by run $RUN_ID" -- . "$(runs_inside)"
git stash list | head -n 1 | tee "$ARTIFACTS/set-aside.txt"
