#!/bin/sh
# Brings together what the parallel steps measured.
set -eu
{
    printf '{"languages": ['
    between=
    for file in "$ARTIFACTS"/languages/*.json; do
        [ -f "$file" ] || continue
        printf '%s\n  %s' "$between" "$(cat "$file")"
        between=,
    done
    printf '],\n"history": '
    cat "$ARTIFACTS/history.json"
    printf ',\n"weight": '
    cat "$ARTIFACTS/weight.json"
    printf '}\n'
} > "$ARTIFACTS/measures.json"
cat "$ARTIFACTS/measures.json"
