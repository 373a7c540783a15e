#!/bin/sh
# Where the last commits happened: lines added and removed, and the files that were touched most often.
set -eu
. "$FLOWS/scripts/json.sh"
mkdir -p "$ARTIFACTS" "$STEP_DIR"

git -c core.quotepath=off log --no-merges --numstat --format=tformat:commit -n "$PARAM_COMMITS" -- . > "$STEP_DIR/numstat"
totals=$(awk -F'\t' '/^commit$/ { c++ } NF == 3 { a += $1; r += $2 } END { printf "%d %d %d", c, a, r }' "$STEP_DIR/numstat")
# shellcheck disable=SC2086 # three numbers
set -- $totals
awk -F'\t' 'NF == 3 && $3 !~ /=>/ { n[$3]++ } END { for (f in n) printf "%d\t%s\n", n[f], f }' "$STEP_DIR/numstat" |
    sort -k1,1nr -k2 | head -n 5 > "$STEP_DIR/churn"
{
    printf '{"commits": %d, "added": %d, "removed": %d, "churn": [' "$1" "$2" "$3"
    between=
    while IFS='	' read -r times file; do
        printf '%s\n  {"file": %s, "commits": %d}' "$between" "$(json_string "$file")" "$times"
        between=,
    done < "$STEP_DIR/churn"
    printf ']}\n'
} > "$ARTIFACTS/history.json"
cat "$ARTIFACTS/history.json"
