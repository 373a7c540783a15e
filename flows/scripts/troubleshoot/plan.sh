# plan.sh FIX SYMPTOM: the exact command of a fix, into artifacts/fix.sh, where it is read and approved. In: `fix.FIX` of operations.conf; the
# fixes of the symptom on standard input, one a line. Out: one JSON. Never: a command that was not written down before the run.
set -eu
. "$FLOWS/scripts/json.sh"
. "$FLOWS/scripts/operations/lib.sh"
known=$(cat)
printf '%s\n' "$known" | grep -qxF -e "$1" ||
    blocked "a fix that the table knows for $2, not \`$1\`: $(printf '%s\n' "$known" | tr '\n' ' ')or none; answer push-back:decide"
# one_line NAME: a command as it can be shown, whole.
one_line() { command_of "$1" | tr -d '\000-\010\013-\037' | tr '\t' ' '; }
command=$(one_line "fix.$1") account=$(one_line profile)
[ -n "$command" ] || blocked "the command for it: operations.conf had no fix.$1 when this run began; push-back:decide, or start another run"
mkdir -p "$ARTIFACTS"

# has_word WORDS: the command holds one of these.
has_word() {
    for word in $1; do
        case $command in *"$word"*) return 0 ;; esac
    done
    return 1
}
set -f
if has_word "$(command_of forbidden)"; then
    blocked "another way: fix.$1 holds what operations.conf forbids (\`$word\`); push-back:decide"
fi
protected=false
if has_word "$(command_of protected)"; then protected=true; fi
page "$account" "$command" > "$ARTIFACTS/fix.sh"
printf '{"fix": %s, "account": %s, ' "$(json_string "$1")" "$(json_string "$account")"
printf '"command": %s, "protected": %s}\n' "$(json_string "$command")" "$protected"
