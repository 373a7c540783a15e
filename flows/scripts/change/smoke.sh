#!/bin/sh
# Each number or queue of the scope by itself. In: PARAM_SCOPE, the command `smoke`, which sees SCOPE. Out: a word at the end.
set -eu
. "$FLOWS/scripts/change/lib.sh"
printf '%s\n' "$PARAM_SCOPE" | tr ',' '\n' | while IFS= read -r SCOPE; do
    export SCOPE
    outer smoke
done
echo 'smoke test passed'
