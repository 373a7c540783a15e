# append.sh FILE ENTRY: puts an entry at the end of a file that only grows, once for each run. Out: `appended`, or `stands there already`.
# Never: a byte of what stood there before that is another afterwards.
set -eu
file=$1 entry=$2
mark="<!-- $FLOW $RUN_ID -->"
if [ -f "$file" ] && grep -qxF -e "$mark" "$file"; then
    echo 'stands there already'
    exit 0
fi
mkdir -p "$STEP_DIR" "$(dirname "$file")"
[ -f "$file" ] || : > "$file"
cp "$file" "$STEP_DIR/before"
{ echo "$mark"; cat "$entry"; echo; } > "$STEP_DIR/entry"
cat "$STEP_DIR/entry" >> "$file"
head -c "$(wc -c < "$STEP_DIR/before" | tr -d ' ')" "$file" | cmp -s - "$STEP_DIR/before" || {
    echo "$file was changed above its end while the entry was written" >&2
    exit 1
}
echo appended
