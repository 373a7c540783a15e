#!/bin/sh
# Known errors in the logs of the call. In: every `log.…` of the points, the table of errors. Out: JSON: each line that is known, with its
# cause and what to do, twenty at most of each kind of log.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
table errors > "$STEP_DIR/errors.tsv"
printf '{"found": ['
between=
for source in $(table points | cut -f 3 | sort -u); do
    outer "log.$source" > "$STEP_DIR/log" 2> "$STEP_DIR/error" || true
    cat "$STEP_DIR/error" >> "$STEP_DIR/log"
    while IFS="$tab" read -r pattern cause remedy; do
        grep -E -i -m 20 -e "$pattern" "$STEP_DIR/log" > "$STEP_DIR/lines" || continue
        printf '%s{"log": "%s", "line": %s, "times": %s, ' "$between" "$source" "$(json_string "$(head -n 1 "$STEP_DIR/lines")" | tr '|' '/')" "$(wc -l < "$STEP_DIR/lines" | tr -d ' ')"
        printf '"cause": %s, "remedy": %s}' "$(json_string "$cause")" "$(json_string "$remedy")"
        between=', '
    done < "$STEP_DIR/errors.tsv"
done
printf ']}\n'
