# items.sh: all action items as one table, action-items.md, and as one list, action-items.json.
{
    printf '| action | owner | deadline | how we know that it is done | status |\n| --- | --- | --- | --- | --- |\n'
    cat "$ARTIFACTS"/items/*.row
} > "$ARTIFACTS/action-items.md"
{
    printf '['
    between=
    for item in "$ARTIFACTS"/items/*.json; do
        printf '%s\n  ' "$between"
        tr -d '\n' < "$item"
        between=,
    done
    printf '\n]\n'
} > "$ARTIFACTS/action-items.json"
cat "$ARTIFACTS/action-items.json"
