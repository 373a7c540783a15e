# item.sh ACTION OWNER DEADLINE VERIFICATION STATUS: one action item, kept under the round in which it was given.
. "$FLOWS/scripts/json.sh"
items=$ARTIFACTS/items
mkdir -p "$items"
place=$items/$(printf '%03d' "$ITERATION")
cell() { printf '%s' "$1" | tr '\n\t' '  ' | sed 's/|/\\|/g'; }
printf '| %s | %s | %s | %s | %s |\n' "$(cell "$1")" "$(cell "$2")" "$(cell "$3")" "$(cell "$4")" "$(cell "$5")" > "$place.row"
{
    printf '{"action": %s, "owner": %s, ' "$(json_string "$1")" "$(json_string "$2")"
    printf '"deadline": %s, "verification": %s, ' "$(json_string "$3")" "$(json_string "$4")"
    printf '"status": %s}\n' "$(json_string "$5")"
} > "$place.json"
cat "$place.json"
