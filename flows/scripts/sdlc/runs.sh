#!/bin/sh
# What the last runs came to, as the program itself reads their journals. Out: history.json, which is printed too. Runs that cannot be
# read are named, not left out.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"

program list --limit "$PARAM_RUNS" --json > "$STEP_DIR/list.json"
sed -n 's/^ *"run_id": *"\([^"]*\)".*/\1/p' "$STEP_DIR/list.json" | sort -u > "$STEP_DIR/ids"
{
    printf '{"runs": ['
    between=
    while IFS= read -r id; do
        printf '%s\n' "$between"
        between=,
        if program status "$id" --json > "$STEP_DIR/one.json" 2> "$STEP_DIR/one.err"; then
            cat "$STEP_DIR/one.json"
        else
            printf '{"run_id": %s, "unreadable": %s}' "$(json_string "$id")" "$(json_string "$(head -n 1 "$STEP_DIR/one.err")")"
        fi
    done < "$STEP_DIR/ids"
    printf ']}\n'
} > "$ARTIFACTS/history.json"
printf '{"runs": %s}\n' "$(grep -c '' "$STEP_DIR/ids" || true)"
