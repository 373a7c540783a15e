# Sourced by scripts that run what a person approved: the commands that the step `ready` of the flow left in its artifacts, held to
# the digest that the journal has for them.

# digest: SHA-256 of standard input.
digest() { { if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi; } | cut -d ' ' -f 1; }

# left_by_ready FILE: the digest of an artifact that `ready` left, out of the journal, which nobody edits unseen.
left_by_ready() {
    ended="\"kind\":\"step_ended\",\"at\":{\"flow\":\"$(basename "$(dirname "$ARTIFACTS")")\",\"step\":\"ready\"}"
    output='"path":"artifacts\/'$1'","bytes":[0-9]*,"sha256":"'
    LC_ALL=C sed -n "/$ended/s/.*$output\([0-9a-f]*\)\".*/\1/p" "$RUN_BASE/journal.jsonl" | tail -n 1
}

# held FILE WHAT: its text, if it is as it was shown. Anything else is BLOCKED, so that a person puts it back, and the step, or the
# undo, is done after all. It is read once: what was looked at is what runs.
held() {
    text=$(cat "$ARTIFACTS/$1") left=$(left_by_ready "$1")
    [ "$(printf '%s\n' "$text" | digest)" = "$left" ] || {
        echo "$(basename "$(dirname "$ARTIFACTS")")/artifacts/$1 as it was shown (sha256 $left): it was changed since, and \`$2\` was not done" >&2
        exit 69
    }
    printf '%s\n' "$text"
}
