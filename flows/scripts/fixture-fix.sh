#!/bin/sh
# Brings back the files that tests read: from git where they were deleted, from LFS where only a pointer is here, else by
# the project's own generator. A snapshot that differs is never accepted: that would make every test green.
set -eu
. "$FLOWS/scripts/fix.sh"
mkdir -p "$STEP_DIR"
failed_words '(fixtures?|testdata|golden)/' | sed "s|^$(pwd -P)/||; s|^\./||" | grep -v '^/' > "$STEP_DIR/wanted" || true

if [ "$MODE" = check ]; then
    [ -s "$STEP_DIR/wanted" ] || exit 0
    while IFS= read -r file; do
        [ -e "$file" ] || blocked "$file is still not there"
    done < "$STEP_DIR/wanted"
    exit 0
fi

if says 'git-lfs.github.com/spec'; then
    need git-lfs 'see https://git-lfs.com'
    git lfs pull
    exit 0
fi
: > "$STEP_DIR/missing"
while IFS= read -r file; do
    if [ -e "$file" ]; then continue; fi
    # It is not in the work tree, so nobody's work is overwritten.
    if git ls-files --error-unmatch -- "$file" > /dev/null 2>&1; then
        git checkout-index -- "$file" && echo "brought back $file"
    else
        echo "$file" >> "$STEP_DIR/missing"
    fi
done < "$STEP_DIR/wanted"
if [ -s "$STEP_DIR/wanted" ] && [ ! -s "$STEP_DIR/missing" ]; then exit 0; fi

if [ -f Makefile ] && grep -q '^fixtures *:' Makefile; then
    need make 'install GNU make'
    make fixtures
elif [ -f scripts/fixtures.sh ]; then
    sh scripts/fixtures.sh
else
    blocked "git does not know $(tr '\n' ' ' < "$STEP_DIR/missing")and there is no \`make fixtures\` or scripts/fixtures.sh that could make it"
fi
