# summary.sh WHEN: done, blocked, left out, figures, next; into the log and summary.md. In: the tasks on standard input, `ID <tab> MINUTES <tab> TITLE` a
# line; the program's own record of where each stands. WHEN is `so-far`, and nothing is said where all is done or some were not tried yet, or `end`.
set -eu
. "$FLOWS/scripts/shift/lib.sh"
mkdir -p "$STEP_DIR" "$ARTIFACTS"
tab=$(printf '\t')
cat > "$STEP_DIR/tasks"
standings > "$STEP_DIR/standings"

# asked PATTERN: the questions about a task, the last one last.
asked() {
    ls "$RUN_BASE/$(basename "$(dirname "$ARTIFACTS")")/escalations" 2> /dev/null | sed -n "s/^task\.$1-\([0-9]*\)\.json$/\1 &/p" | sort -n | cut -d ' ' -f 2
}

# answered ID: what a person said of it last.
answered() {
    last=$(asked "$1" | tail -n 1)
    [ -n "$last" ] || return 0
    awk -F '"' '$2 == "answer" { inside = 1 } inside && $2 == "choose" { choose = $4 } inside && $2 == "note" { note = $4 } inside && $2 == "by" { by = $4 }
        END { if (choose != "") printf " (%s: %s%s)", by, choose, note == "" ? "" : ", " note }' \
        "$RUN_BASE/$(basename "$(dirname "$ARTIFACTS")")/escalations/$last"
}

finished='' stopped='' left='' open='' done=0 blocked=0 out=0 untried=0 minutes=0
while IFS=$tab read -r id length title; do
    [ -n "$id" ] || continue
    standing=$(awk -F "$tab" -v id="$id" '$1 == id { print $2 }' "$STEP_DIR/standings")
    case $standing in
        succeeded) done=$((done + 1)) finished="$finished- $title$(answered "$id")
" ;;
        skipped | concerns) out=$((out + 1)) left="$left- $title$(answered "$id")
" ;;
        blocked | waiting | failed | stopped) blocked=$((blocked + 1)) minutes=$((minutes + length))
            stopped="$stopped- $title: $(cat "$ARTIFACTS/$id.blocked" 2> /dev/null || echo 'see its question')
" ;;
        *) untried=$((untried + 1)) minutes=$((minutes + length)) open="$open- $title
" ;;
    esac
done < "$STEP_DIR/tasks"
if [ "$1" = so-far ] && { [ "$untried" -gt 0 ] || [ "$blocked" -eq 0 ]; }; then
    echo 'nothing to say yet'
    exit 0
fi
{
    printf '### Done\n\n%s\n### Blocked\n\n%s\n' "${finished:-- nothing
}" "${stopped:-- nothing
}"
    printf '### Left out\n\n%s\n' "${left:-- nothing
}"
    printf '### Figures\n\n- tasks: %s, done: %s, blocked: %s, left out: %s, not begun: %s\n' \
        "$((done + blocked + out + untried))" "$done" "$blocked" "$out" "$untried"
    printf -- '- questions raised: %s\n- minutes of work left: %s\n\n### Next\n\n%s%s' "$(asked '.*' | wc -l | tr -d ' ')" "$minutes" "$stopped" "$open"
    [ -n "$stopped$open" ] || printf -- '- what was left out, if anybody wants it\n'
} > "$STEP_DIR/summary.md"
cp "$STEP_DIR/summary.md" "$ARTIFACTS/summary.md"
if [ "$1" = end ]; then headline='the shift is over'; else headline='all tasks were tried'; fi
entry "summary $1" "$headline" < "$STEP_DIR/summary.md"
echo summed up
