#!/bin/sh
# What became of the twelve points, from what each left. Out: JSON: all of them in order, how many were seen, and the first that stays away.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
table points > "$STEP_DIR/points.tsv"
printf '{"points": ['
between= number=0 seen=0
: > "$STEP_DIR/away"
while IFS="$tab" read -r id what source expected component look; do
    number=$((number + 1)) line= state='not looked at'
    of=$here.observe/work/$id
    if [ -f "$of/seen" ]; then
        state=seen seen=$((seen + 1)) line=$(head -n 1 "$of/seen")
    elif [ -f "$of/why" ]; then
        state='stays away'
        printf '%s\t%s\t%s\t%s\t%s\n' "$number" "$what" "$component" "$look" "$(cat "$of/why")" >> "$STEP_DIR/away"
    fi
    printf '%s{"number": %s, "id": "%s", "what": %s, "state": "%s", ' "$between" "$number" "$id" "$(json_string "$what")" "$state"
    printf '"source": %s, "line": %s, ' "$(json_string "$source")" "$(json_string "$line" | tr '|' '/')"
    printf '"component": %s, "look": %s}' "$(json_string "$component")" "$(json_string "$look")"
    between=', '
done < "$STEP_DIR/points.tsv"
printf '], "seen": %s, "of": %s, "away": [' "$seen" "$number"
if [ -s "$STEP_DIR/away" ]; then
    IFS="$tab" read -r number what component look why < "$STEP_DIR/away"
    printf '{"number": %s, "what": %s, "component": %s, ' "$number" "$(json_string "$what")" "$(json_string "$component")"
    printf '"look": %s, "why": %s}' "$(json_string "$look")" "$(json_string "$why")"
fi
printf ']}\n'
