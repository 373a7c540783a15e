#!/bin/sh
# What the service made of the call. In: the commands `interventions` and `transcripts`. Out: JSON. Exit code 1: fewer than there must be,
# an empty one, or one that belongs to no message of this call.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
outer transcripts > "$STEP_DIR/transcripts.tsv"
outer interventions > "$STEP_DIR/interventions.tsv"
awk -F '\t' -v least="$(setting interventions-min)" '
    function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
    FILENAME == ARGV[1] { message[$1] = 1; next }
    NF == 0 { next }
    { id[++count] = $1; to[count] = $2; text[count] = $3 }
    END {
        printf "{\"count\": %d, \"least\": %d, \"interventions\": [", count, least
        for (i = 1; i <= count; i++) {
            printf "%s{\"id\": %s, \"message\": %s, \"text\": %s}", (i > 1 ? ", " : ""), quoted(id[i]), quoted(to[i]), quoted(text[i])
            if (text[i] !~ /[^ ]/) wrong = wrong "intervention " id[i] " is empty; "
            else if (!(to[i] in message)) wrong = wrong "intervention " id[i] " belongs to " to[i] ", which is no message of this call; "
        }
        print "]}"
        if (count < least) wrong = wrong (count + 0) " interventions, fewer than " least ". Look at: the worker that makes them, and the key of the model provider; "
        if (wrong != "") { sub(/; $/, "", wrong); print wrong > "/dev/stderr"; exit 1 }
    }' "$STEP_DIR/transcripts.tsv" "$STEP_DIR/interventions.tsv"
