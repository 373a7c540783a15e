#!/bin/sh
# Tests that are agreed upon are not changed by whoever has to pass them. In: keep | check. Out: the digests of all test files
# in work/pin, or which of them differ.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
kept=$RUN_BASE/$FLOW/work/pin/pinned.txt
test_files() {
    { git ls-files; git ls-files --others --exclude-standard -- . "$(runs_inside)"; } | grep -v '^"' | sort -u |
        grep -Ei '(^|/)(tests?|specs?|__tests__|testdata|fixtures|golden)/|(^|/)test_[^/]*$|(_test|\.test|\.spec|-test)\.[^/]*$|(^|/)sdlc\.conf$' || true
}
digests() {
    test_files | while IFS= read -r file; do
        if [ -f "$file" ]; then printf '%s %s\n' "$(git hash-object --no-filters -- "$file")" "$file"; fi
    done
}
case $1 in
    keep) mkdir -p "${kept%/*}"; digests > "$kept"; echo "pinned $(grep -c '' "$kept" || true) test files" ;;
    check)
        digests | sort > "$STEP_DIR/pinned.now"
        sort "$kept" | comm -23 - "$STEP_DIR/pinned.now" | cut -d' ' -f2- > "$STEP_DIR/pinned.differ"
        if [ -s "$STEP_DIR/pinned.differ" ]; then
            echo "agreed test files were changed or removed; bring them back: $(tr '\n' ' ' < "$STEP_DIR/pinned.differ")" >&2
            exit 1
        fi
        echo 'the agreed tests are as they were' ;;
esac
