#!/bin/sh
# Files and lines of one language (ITEM). For Rust also how many files have no module header (`//!` at the top).
set -eu
mkdir -p "$ARTIFACTS/languages" "$STEP_DIR"

case $ITEM in
    Rust) suffix='\.rs$' ;;
    Python) suffix='\.py$' ;;
    Shell) suffix='\.sh$' ;;
    YAML) suffix='\.ya\{0,1\}ml$' ;;
    JavaScript) suffix='\.m\{0,1\}jsx\{0,1\}$' ;;
    TypeScript) suffix='\.tsx\{0,1\}$' ;;
    Go) suffix='\.go$' ;;
    Java) suffix='\.java$' ;;
    C) suffix='\.[ch]$' ;;
    Markdown) suffix='\.md$' ;;
    *) echo "no rule for the language $ITEM" >&2; exit 1 ;;
esac
grep "$suffix" "$ARTIFACTS/files.txt" > "$STEP_DIR/files"
lines=$(tr '\n' '\0' < "$STEP_DIR/files" | xargs -0 cat | wc -l)
without=0
if [ "$ITEM" = Rust ]; then
    without=$(tr '\n' '\0' < "$STEP_DIR/files" | xargs -0 awk 'FNR <= 5 && /^\/\/!/ { seen[FILENAME] = 1 }
        FNR == 1 { n++ } END { for (f in seen) n--; print n + 0 }')
fi
printf '{"name": "%s", "files": %d, "lines": %d, "without_header": %d}\n' \
    "$ITEM" "$(grep -c '' "$STEP_DIR/files")" "$lines" "$without" > "$ARTIFACTS/languages/$ITEM.json"
cat "$ARTIFACTS/languages/$ITEM.json"
