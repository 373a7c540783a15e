#!/bin/sh
# House rules, each tried on the repository as it is. TAP: `ok`, `not ok`, or `# SKIP` with the reason.
set -eu
mkdir -p "$STEP_DIR"
found=$STEP_DIR/found
count=0

# rule NAME: `ok` if the list of offenders is empty; else `not ok`, and who they are.
rule() {
    count=$((count + 1))
    if [ ! -s "$found" ]; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        head -n 5 "$found" | sed 's/^/# /'
    fi
}
skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}
offenders() { : > "$found"; while IFS= read -r file; do "$@" "$file" || echo "$file" >> "$found"; done; }

git grep -IlE '^(<{7}|>{7}) ' > "$found" || true
rule 'no conflict markers are left'

not_too_big() { [ "$(wc -c < "$1")" -le "$((PARAM_FILE_KIB * 1024))" ]; }
offenders not_too_big < "$ARTIFACTS/files.txt"
rule "no tracked file is larger than $PARAM_FILE_KIB KiB"

git ls-files -ci --exclude-standard > "$found"
rule 'no tracked file is ignored at the same time'

# A machine without the program's own language can still be told whether its shell scripts parse.
grep '\.sh$' "$ARTIFACTS/files.txt" > "$STEP_DIR/scripts" || true
if [ -s "$STEP_DIR/scripts" ]; then
    parses() { case $(head -n 1 "$1") in *bash* | *zsh* | *ksh*) ;; *) sh -n "$1" 2> /dev/null ;; esac; }
    offenders parses < "$STEP_DIR/scripts"
    rule 'shell scripts parse'
else
    skip 'shell scripts parse' 'there are none'
fi

ls README* > "$STEP_DIR/readme" 2> /dev/null || true
if [ -s "$STEP_DIR/readme" ]; then : > "$found"; else echo 'no README* in the top directory' > "$found"; fi
rule 'a README says what this is'

if [ -f README.md ] && [ -f Makefile ]; then
    sed -n 's/^\([A-Za-z][A-Za-z0-9_.% -]*\):[^=].*/\1/p; s/^\([A-Za-z][A-Za-z0-9_.% -]*\):$/\1/p' Makefile ./*.mk 2> /dev/null > "$STEP_DIR/targets" || true
    # `a b: c` makes two targets.
    tr -s ' ' '\n' < "$STEP_DIR/targets" > "$STEP_DIR/each" && mv "$STEP_DIR/each" "$STEP_DIR/targets"
    made() {
        while IFS= read -r target; do
            # shellcheck disable=SC2254 # `stepwise-%` is a pattern in a Makefile, and becomes one here
            case $1 in $(echo "$target" | sed 's/%/*/')) return 0 ;; esac
        done < "$STEP_DIR/targets"
        return 1
    }
    grep -oE '(^ *|`)make [a-z][a-z0-9-]*' README.md | sed 's/.*make //' | sort -u > "$STEP_DIR/named" || true
    offenders made < "$STEP_DIR/named"
    rule 'the Makefile has every target that the README names'
else
    skip 'the Makefile has every target that the README names' 'README.md and Makefile are not both here'
fi

if ls flows/*.yaml > /dev/null 2>&1 && grep -q '^flow:' flows/*.yaml; then
    : > "$found"
    "$FLOW_STUDIO" --flows flows --agents agents validate --strict > "$STEP_DIR/validate" 2>&1 || cp "$STEP_DIR/validate" "$found"
    rule 'the flows are valid'
else
    skip 'the flows are valid' 'there are none'
fi
echo "1..$count"
