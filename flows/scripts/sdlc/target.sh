#!/bin/sh
# What a deployment changes, and what it must not. In: target | live | other-branches.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
target=$(field target "$ARTIFACTS/change.json")
case $1 in
    target) git rev-parse "refs/heads/$target" ;;
    live) live=$(shown_command_of live); if [ -n "$live" ]; then sh -c "$live" < /dev/null; else echo 'the project has no `live` command'; fi ;;
    other-branches) git for-each-ref --format='%(objectname) %(refname)' refs/heads refs/tags | grep -v " refs/heads/$target\$" || true ;;
esac
