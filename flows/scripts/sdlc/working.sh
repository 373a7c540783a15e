#!/bin/sh
# The work tree against its commit, new files and all, through an index of its own: the real one is not touched.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"

GIT_INDEX_FILE=$STEP_DIR/index
export GIT_INDEX_FILE
git read-tree HEAD
git add -A -- . "$(runs_inside)"
git diff --cached HEAD -- . > "$ARTIFACTS/working.patch"
if [ -s "$ARTIFACTS/working.patch" ]; then echo 'there is a change'; else echo 'nothing has changed yet'; fi
