# Sourced by the scripts of the operations runbooks: the commands that reach the outer systems, as the step `ready` has fixed them.
# One line each in operations.conf: `name = command`. A line that begins with # is none. 69 is BLOCKED: the last line says what is missing.
blocked() { echo "$*" >&2; exit 69; }

# command_of NAME: how this place does something, or nothing.
command_of() {
    awk -v name="$1" '{
        at = index($0, "="); key = substr($0, 1, at - 1); value = substr($0, at + 1)
        gsub(/^[ \t]+|[ \t]+$/, "", key); gsub(/^[ \t]+|[ \t]+$/, "", value)
        if (at > 1 && key == name) { print value; exit }
    }' "${ARTIFACTS%/artifacts}/work/ready/operations.conf"
}

# outer NAME: does it, with no input.
outer() { sh -euc "$(command_of "$1")" < /dev/null; }

# right_account [COMMAND]: whoever is active now is the one that all of this is about. Asked before each command, for it can change in
# between. Without COMMAND, `profile` says who it is.
right_account() {
    active=$(sh -euc "${1:-$(command_of profile)}" < /dev/null | sed -n 's/.*"active"[ :]*"\([^"]*\)".*/\1/p' | head -n 1)
    [ "$active" = "$PARAM_CLIENT" ] || blocked "the account \`$PARAM_CLIENT\`: \`${active:-nobody}\` is active; make it the active one, then answer retry"
}

# differences ONE OTHER: into artifacts/STEP.diff, and as one JSON. A comparison that cannot be made is no difference: it fails.
differences() {
    same=true
    diff "$1" "$2" > "$STEP_DIR/differences" || case $? in 1) same=false ;; *) exit 1 ;; esac
    cp "$STEP_DIR/differences" "$ARTIFACTS/$STEP.diff"
    printf '{"same": %s, "lines": %s}\n' "$same" "$(grep -c '^[<>]' "$STEP_DIR/differences" || true)"
}

# page ACCOUNT COMMAND: what is shown before it is approved, and run after that.
page() { printf '# first, whether the account is the right one: %s\n%s\n' "$1" "$2"; }
