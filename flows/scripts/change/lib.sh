# Sourced by the scripts of `change`: the commands that reach the outer systems, as the step `ready` fixed them.
# 69 is BLOCKED: the last line says what is missing.
blocked() { echo "$*" >&2; exit 69; }

names='profile value live sources others try tell apply undo smoke arrived'
fixed="$ARTIFACTS/commands.conf"

# command_of NAME: out of the text on standard input, how this place does something, or nothing.
command_of() { sed -n "s/^$1 *= *//p" | head -n 1; }

# digest: SHA-256 of standard input.
digest() { { if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi; } | cut -d ' ' -f 1; }

# left_by_ready: the digest of the commands that `ready` left, out of the journal, which nobody edits unseen.
left_by_ready() {
    ended="\"kind\":\"step_ended\",\"at\":{\"flow\":\"$path\",\"step\":\"ready\"}"
    output='"path":"artifacts\/commands.conf","bytes":[0-9]*,"sha256":"'
    LC_ALL=C sed -n "/$ended/s/.*$output\([0-9a-f]*\)\".*/\1/p" "$RUN_BASE/journal.jsonl" | tail -n 1
}

# outer NAME: does it, with no input, if the commands are those that were shown. Anything else is BLOCKED, so that a person puts them
# back, and the step, or the undo, is done after all. They are read once: what was looked at is what runs.
outer() {
    path=$(basename "$(dirname "$ARTIFACTS")")
    commands=$(cat "$fixed") left=$(left_by_ready)
    [ "$(printf '%s\n' "$commands" | digest)" = "$left" ] ||
        blocked "$path/artifacts/commands.conf as it was shown (sha256 $left): it was changed since, and \`$1\` was not done"
    sh -euc "$(printf '%s\n' "$commands" | command_of "$1")" < /dev/null
}
