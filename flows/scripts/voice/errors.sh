#!/bin/sh
# Known errors in the logs of the call. In: every `log.…` of the points, the table of errors. Out: JSON: for each that is known and
# shows in a log, its first line, how often, the cause and what to do.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
table errors > "$STEP_DIR/errors.tsv"
: > "$STEP_DIR/found"
for source in $(table points | cut -f 3 | sort -u); do
    outer "log.$source" > "$STEP_DIR/log" 2> "$STEP_DIR/error" || true
    cat "$STEP_DIR/error" >> "$STEP_DIR/log"
    # Most logs are clean: one look at all patterns, then at each.
    cut -f 1 "$STEP_DIR/errors.tsv" > "$STEP_DIR/patterns"
    grep -E -i -f "$STEP_DIR/patterns" "$STEP_DIR/log" > "$STEP_DIR/suspect" || continue
    while IFS="$tab" read -r pattern cause remedy; do
        times=$(grep -E -i -c -e "$pattern" "$STEP_DIR/suspect" || true)
        [ "$times" -gt 0 ] || continue
        line=$(grep -E -i -m 1 -e "$pattern" "$STEP_DIR/suspect" | tr '|\t' '/ ')
        printf '%s\t%s\t%s\t%s\t%s\n' "$source" "$line" "$times" "$cause" "$remedy" >> "$STEP_DIR/found"
    done < "$STEP_DIR/errors.tsv"
done
printf '{"found": '
rows 'log line times cause remedy' < "$STEP_DIR/found"
printf '}\n'
