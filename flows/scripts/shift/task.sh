# task.sh ID TITLE AFTER ASKS: one task of the worklist. It is the command `task.ID` of operations.conf; where that fails, or there is none, the
# task is blocked: what was tried (standard input: `ID <tab> ID <tab> TITLE` a line, each the command `try.ID`) and what is asked stand in the
# log, and in the question. In: NOTE, what a person answered. Never: a task that comes after another one and begins before it, unless somebody
# says `anyway`.
set -eu
. "$FLOWS/scripts/shift/lib.sh"
id=$1 title=$2 after=$3 asks=$4
mkdir -p "$STEP_DIR" "$ARTIFACTS"
cat > "$STEP_DIR/tries"
note=$(printf '%s' "${NOTE:-}" | tr '\n' ' ')

# stuck WHAT TRIED: says it in the log, and to whoever is asked.
stuck() {
    printf '%s\n' "**Blocked:** $1" '' "**Tried:** $2" '' "**Asked:** ${asks:-nothing in particular}" | entry "$id blocked $EXECUTION" "$title is blocked"
    printf '%s\n' "$1" > "$ARTIFACTS/$id.blocked"
    blocked "$title: $(printf '%s' "$1" | cut -c 1-120). Tried: $(printf '%s' "$2" | cut -c 1-150). Asked: ${asks:-nothing in particular}"
}

case $note in
    anyway*) ;;
    *)
        standings > "$STEP_DIR/standings"
        for before in $after; do
            if ! grep -qxF -e "$before$(printf '\tsucceeded')" "$STEP_DIR/standings"; then
                stuck "it comes after \`$before\`, which is not done; retry once it is, or with a note that begins with: anyway" "nothing yet"
            fi
        done ;;
esac
if [ -n "$note" ]; then
    echo "Somebody answered: $note" | entry "$id start $EXECUTION" "$title, again"
else
    echo "Begun." | entry "$id start $EXECUTION" "$title"
fi
[ -n "$(command_of "task.$id")" ] ||
    stuck "no command does it: operations.conf had no task.$id; do it by hand, then answer mark-done and say what you did" "nothing"
if outer "task.$id" > "$STEP_DIR/out.txt" 2>&1; then
    { tail -n 20 "$STEP_DIR/out.txt"; [ -s "$STEP_DIR/out.txt" ] || echo '(it said nothing)'; } | sed 's/^/    /' | entry "$id done $EXECUTION" "$title is done"
    rm -f "$ARTIFACTS/$id.blocked"
    echo done
    exit 0
fi
said=$(grep -v '^[[:space:]]*$' "$STEP_DIR/out.txt" | tail -n 1 || true)
sh "$FLOWS/scripts/operations/checks.sh" try < "$STEP_DIR/tries" > "$STEP_DIR/tried.json"
tried=$(awk -F '"' '/^ *\{"id"/ { printf "%s%s: %s (%s)", between, $12, $16, $20; between = "; " }' "$STEP_DIR/tried.json")
stuck "${said:-it failed and said nothing}" "${tried:-nothing else}"
