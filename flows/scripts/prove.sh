#!/bin/sh
# Builds the guard, and shows that it can fail: on the repository as it is, every one of its tests must be red.
set -eu
mkdir -p "$STEP_DIR"
edition=$(sed -n 's/^edition *= *"\([0-9]*\)".*/\1/p' Cargo.toml 2> /dev/null | head -n 1)
rustc --edition "${edition:-2021}" --test -o "$STEP_DIR/guard" "$ARTIFACTS/scratch/tests/licence_lines.rs"

if CHECKED_ROOT=$PWD "$STEP_DIR/guard" > "$STEP_DIR/red" 2>&1; then
    echo 'the guard is green on files that it should find wrong: it proves nothing' >&2
    exit 1
fi
grep '^test result: FAILED. 0 passed' "$STEP_DIR/red" | sed 's/^test result: /before the change: /'
