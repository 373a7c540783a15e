#!/bin/sh
# Runs the project's tests. In: the command that was fixed at the start. Out: TAP, whatever tool ran; the tool's own words in
# artifacts/tests.txt. Never: its own exit code for theirs; what failed says so in the TAP.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"

command=$(command_of "${1:-test}")
[ -n "$command" ] || blocked "the command \`${1:-test}\` of this project"

# Without how long it took: the same result is the same text, in prompts and in recordings.
timeless() { sed -E 's/,? ?(finished )?in [0-9]+(\.[0-9]+)? ?s//'; }

code=0
sh -c "$command" > "$STEP_DIR/tests.raw" 2>&1 < /dev/null || code=$?
{
    printf '$ %s\n' "$command"
    tail -n 200 "$STEP_DIR/tests.raw" | timeless
    printf '(exit code %s)\n' "$code"
} > "$ARTIFACTS/tests.txt"

# cargo test and unittest say `name ... ok`, pytest says `PASSED name` or `name PASSED`, go says `--- PASS: name`; TAP stays TAP.
awk -v code="$code" -v command="$command" '
    function say(good, name, more) { n++; all[n] = good ? "ok" : "not ok"; named[n] = name more; if (!good) red++ }
    # unittest names a failing subtest beside its test: they are one test, and it is as red as its reddest part.
    function part(good, name) {
        match(name, /^ *[A-Za-z_][A-Za-z_0-9]* \([^)]*\)/); name = substr(name, 1, RLENGTH); sub(/^ */, "", name)
        if (!(name in at_of)) { say(good, name, ""); at_of[name] = n } else if (!good && all[at_of[name]] == "ok") { all[at_of[name]] = "not ok"; red++ }
    }
    /^(ok|not ok)( |$)/ { line = $0; good = line ~ /^ok/; sub(/^(not )?ok *[0-9]* *-? */, "", line); say(good || line ~ /# *(TODO|SKIP)/, line, ""); next }
    / \.\.\. / {
        at = index($0, " ... "); name = substr($0, 1, at - 1); how = substr($0, at + 5); sub(/^test /, "", name)
        if (name ~ /^ *[A-Za-z_][A-Za-z_0-9]* \([^)]*\)/ && how ~ /^(ok|FAIL|ERROR)/) { part(how ~ /^ok/, name); next }
        if (how ~ /^ok/ || how ~ /^expected failure/) say(1, name, ""); else if (how ~ /^(FAIL|ERROR|FAILED|unexpected success)/) say(0, name, "")
        else if (how ~ /^(skipped|ignored)/) say(1, name, " # SKIP"); next
    }
    /^(PASSED|XFAIL) / { sub(/^[A-Z]+ /, ""); say(1, $0, ""); next }
    /^(FAILED|ERROR) [^ (][^ ]*(::| - |$)/ { sub(/^[A-Z]+ /, ""); say(0, $0, ""); next }
    /^[^ ]+::[^ ]+ (PASSED|FAILED|ERROR|SKIPPED)/ { say($2 !~ /FAILED|ERROR/, $1, $2 ~ /SKIPPED/ ? " # SKIP" : ""); next }
    /^ *--- (PASS|FAIL|SKIP): / { say($2 !~ /FAIL/, $3, $2 ~ /SKIP/ ? " # SKIP" : ""); next }
    END {
        # A tool that names no test is one test itself; an exit code that nothing explains is a failure of its own.
        if (n == 0) say(code == 0, command, ""); else if (code != 0 && red == 0) say(0, command " ended with exit code " code, "")
        for (i = 1; i <= n; i++) printf "%s %d - %s\n", all[i], i, named[i]
        printf "1..%d\n", n
    }' "$STEP_DIR/tests.raw" > "$STEP_DIR/tests.tap"
cat "$STEP_DIR/tests.tap"
# The end of what the tool said, for whoever has to mend it.
if grep -q '^not ok' "$STEP_DIR/tests.tap"; then tail -n 40 "$STEP_DIR/tests.raw" | timeless >&2; fi
