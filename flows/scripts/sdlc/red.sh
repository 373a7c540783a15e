#!/bin/sh
# New tests must fail before the code is there, and the old ones must not. In: baseline.tap. Out: one JSON object; exit code 1 if
# it is otherwise.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
names() { sed -n "s/^$1 [0-9]* - //p" "$2" | sed 's/ # SKIP$//' | sort -u; }
sh "$FLOWS/scripts/sdlc/tests.sh" > "$STEP_DIR/now.tap" 2> /dev/null
before=$ARTIFACTS/baseline.tap
{ names ok "$before"; names 'not ok' "$before"; } | sort -u > "$STEP_DIR/known"
names ok "$before" > "$STEP_DIR/green"
names 'not ok' "$STEP_DIR/now.tap" | comm -13 "$STEP_DIR/known" - > "$STEP_DIR/new-red"
names ok "$STEP_DIR/now.tap" | comm -13 "$STEP_DIR/known" - > "$STEP_DIR/new-green"
names 'not ok' "$STEP_DIR/now.tap" | comm -12 "$STEP_DIR/green" - > "$STEP_DIR/broken"
{ names ok "$STEP_DIR/now.tap"; names 'not ok' "$STEP_DIR/now.tap"; } | sort -u | comm -23 "$STEP_DIR/known" - > "$STEP_DIR/gone"
list() { json_strings < "$STEP_DIR/$1"; }
printf '{\n  "new_red": %s,\n  "new_green": %s,\n  "broken": %s,\n  "gone": %s\n}\n' "$(list new-red)" "$(list new-green)" "$(list broken)" "$(list gone)" |
    tee "$ARTIFACTS/red.json"
