# checks.sh KIND: for each line `ID <tab> CAUSE <tab> TITLE` of standard input, the command `KIND.ID` of operations.conf: 0 is good, anything
# else is red. Without one nobody has looked: it is `by-hand`. Out: one JSON; what each of them printed lies in STEP_DIR.
set -eu
. "$FLOWS/scripts/json.sh"
. "$FLOWS/scripts/operations/lib.sh"
mkdir -p "$STEP_DIR"
tab=$(printf '\t')
between='' red='' by_hand=''
printf '{"checks": ['
while IFS=$tab read -r id cause title; do
    [ -n "$id" ] || continue
    said=$STEP_DIR/$id.txt
    if [ -z "$(command_of "$1.$id")" ]; then
        state=by-hand
        echo "nobody has looked: operations.conf has no $1.$id" > "$said"
        by_hand="$by_hand$id
"
    else
        [ -z "${PARAM_CLIENT:-}" ] || right_account
        if outer "$1.$id" > "$said" 2>&1; then
            state=good
        else
            state=red
            red="$red$cause
"
        fi
    fi
    line=$(grep -v '^[[:space:]]*$' "$said" | tail -n 1 | cut -c 1-200 | tr '|' '/' || true)
    printf '%s\n  {"id": %s, "cause": %s, ' "$between" "$(json_string "$id")" "$(json_string "$cause")"
    printf '"title": %s, "state": "%s", "said": %s}' "$(json_string "$title")" "$state" "$(json_string "${line:-nothing}")"
    between=,
done
printf '],\n "red": %s,\n "by_hand": %s}\n' \
    "$(printf '%s' "$red" | awk '!seen[$0]++' | json_strings)" "$(printf '%s' "$by_hand" | json_strings)"
