# Sourced by the scripts of `support-shift`: the feedback log, and where the tasks stand.
. "$FLOWS/scripts/operations/lib.sh"
sum=$ARTIFACTS/feedback.sum

# prefix_sum BYTES: of so many bytes of the log, its checksum.
prefix_sum() { head -c "$1" "$PARAM_FEEDBACK" | cksum | cut -d ' ' -f 1; }

# entry KEY HEADLINE: puts an entry with the time at the end of the log, with standard input below it; once for each KEY of this run.
# Never: an entry below something that was changed since the last one.
entry() {
    mark="<!-- $RUN_ID $1 -->"
    [ -f "$PARAM_FEEDBACK" ] || { mkdir -p "$(dirname "$PARAM_FEEDBACK")" && : > "$PARAM_FEEDBACK"; }
    if [ -f "$sum" ]; then
        read -r bytes was < "$sum"
        [ "$(prefix_sum "$bytes")" = "$was" ] ||
            blocked "$PARAM_FEEDBACK as it was: what this shift wrote was changed, and the log only grows; put it back, then answer retry"
    fi
    body=$(cat)
    if ! grep -qxF -e "$mark" "$PARAM_FEEDBACK"; then
        printf '%s\n## %s: %s\n\n%s\n\n' "$mark" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" "$body" > "$STEP_DIR/entry"
        cat "$STEP_DIR/entry" >> "$PARAM_FEEDBACK"
    fi
    bytes=$(wc -c < "$PARAM_FEEDBACK" | tr -d ' ')
    printf '%s %s\n' "$bytes" "$(prefix_sum "$bytes")" > "$sum.new"
    mv "$sum.new" "$sum"
}

# standings: for each task `ID <tab> STANDING`, out of the program's own record.
standings() {
    "$FLOW_STUDIO" --runs "$(dirname "$RUN_BASE")" --json --color never status "$RUN_ID" | awk -F '"' '
        $2 == "step_id" { id = ""; if ($4 ~ /^task\[.*\]$/) id = substr($4, 6, length($4) - 6) }
        $2 == "standing" && id != "" { print id "\t" $4; id = "" }'
}
