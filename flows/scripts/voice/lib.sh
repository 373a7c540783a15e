# Sourced by the scripts of the voice runbooks. What the step `settings` of the outermost of them fixed is read from its directory; of
# the call, what the step `place` kept.
tab=$(printf '\t')
here=${ARTIFACTS%/artifacts}
main=$here up=$here
while :; do
    case ${up##*/} in *.*) up=${up%.*} ;; *) break ;; esac
    if [ -f "$up/work/settings/settings.json" ]; then main=$up; fi
done
fixed=$main/work/settings

# 69 is BLOCKED: the last line says what is missing.
blocked() { printf '%s\n' "$*" >&2; exit 69; }

# rows [NAMES]: lines with tabs between as JSON, each an object with these names; without names, each a text.
rows() { awk -v names="${1:-}" -f "$FLOWS/scripts/voice/rows.awk"; }

# setting NAME: its value, or nothing.
setting() { awk -v name="$1" 'index($0, name " = ") == 1 { print substr($0, length(name) + 4) }' "$fixed/voice.conf"; }

# table NAME: one of the tables (points, errors, data), without its comments.
table() { grep -v '^#' "$fixed/voice-$1.tsv"; }

# surroundings: what the commands of voice.conf see.
surroundings() {
    . "$fixed/voice.env"
    CALL='' SINCE='' PLACED_IN=''
    for kept in "$main.call" "$here" "$RUN_BASE/voice-call" "$RUN_BASE/voice-e2e.call"; do
        if [ -f "$kept/artifacts/call.env" ]; then . "$kept/artifacts/call.env"; break; fi
    done
    LEG=$CALL
    for seen in "$main.observe" "$here" "$RUN_BASE/voice-observe" "$RUN_BASE/voice-e2e.observe"; do
        if [ -f "$seen/work/webhook/leg" ]; then read -r LEG < "$seen/work/webhook/leg"; break; fi
    done
    export CALL SINCE LEG
}

# made_meanwhile: sets CALL to the one that the provider knows now and did not know when the step `place` began; or to nothing.
made_meanwhile() {
    outer find > "$STEP_DIR/found"
    CALL=$(awk 'FILENAME == ARGV[1] { known[$0]; next } !($0 in known) { id = $0 } END { print id }' "$here/work/place/before" "$STEP_DIR/found")
}

# keep_call PLACED_IN: what surroundings finds from then on, all of it or nothing. PLACED_IN: the execution of `place` that it is of.
keep_call() {
    case $CALL in
        '' | *[!A-Za-z0-9._-]*) printf 'the provider gave no id of a call: %s\n' "$CALL" >&2; exit 1 ;;
    esac
    mkdir -p "$ARTIFACTS"
    printf "CALL='%s' SINCE='%s' PLACED_IN='%s'\n" "$CALL" "$SINCE" "$1" > "$ARTIFACTS/call.env.new"
    mv "$ARTIFACTS/call.env.new" "$ARTIFACTS/call.env"
}

# outer NAME: what voice.conf says for it, done, with no input.
outer() {
    line=$(setting "$1")
    [ -n "$line" ] || { printf 'voice.conf has no `%s`\n' "$1" >&2; return 1; }
    sh -euc "$line" < /dev/null
}
