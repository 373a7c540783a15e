#!/bin/sh
# What became of the points, from what each left. Out: JSON: all of them in order, how many were seen, and the one that stays away.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
table points | awk -F '\t' -v OFS='\t' -v below="$here.observe/work" -v away="$STEP_DIR/away" '
    BEGIN { printf "" > away }
    {
        state = "not looked at"
        line = why = ""
        if ((getline line < (below "/" $1 "/seen")) > 0) { state = "seen"; gsub(/\|/, "/", line); gsub(/\t/, " ", line) }
        else if ((getline why < (below "/" $1 "/why")) > 0) { state = "stays away"; print NR, $2, $5, $6, why > away }
        print NR, $1, $2, state, $3, line, $5, $6
    }' > "$STEP_DIR/points"
printf '{"seen": %s, "of": %s, "points": ' "$(awk -F '\t' '$4 == "seen" { seen++ } END { print seen + 0 }' "$STEP_DIR/points")" \
    "$(wc -l < "$STEP_DIR/points" | tr -d ' ')"
rows 'number id what state source line component look' < "$STEP_DIR/points"
printf ', "away": '
rows 'number what component look why' < "$STEP_DIR/away"
printf '}\n'
