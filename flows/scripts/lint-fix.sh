#!/bin/sh
# Lets the formatter or the linter mend what it complained of: the files that the failure names, else the whole project.
set -eu
. "$FLOWS/scripts/fix.sh"

edition=$(sed -n 's/^edition *= *"\([0-9]*\)".*/\1/p' Cargo.toml 2> /dev/null | head -n 1)
edition=${edition:-2021}
mkdir -p "$STEP_DIR"
rust_files=$(failed_files '\.rs')

# What to do with one Rust file. Through standard input the modules that it declares are left alone, and its own
# directory decides which rustfmt.toml counts.
one_rust() {
    cd "$(dirname "$1")"
    rustfmt --edition "$edition" < "$(basename "$1")" > "$STEP_DIR/formatted"
    cd "$OLDPWD"
    case $MODE in
        fix) cat "$STEP_DIR/formatted" > "$1" && echo "formatted $1" ;;
        check) cmp -s "$STEP_DIR/formatted" "$1" ;;
    esac
}

if printf '%s' "$FAILED_ERROR" | grep -qE 'clippy::|cargo clippy|error: .*\[-D warnings\]'; then
    need cargo-clippy 'rustup component add clippy'
    case $MODE in
        fix) cargo clippy --fix --allow-dirty --allow-staged --quiet --all-targets ;;
        check) cargo clippy --quiet --all-targets -- -D warnings ;;
    esac
elif [ -n "$rust_files" ]; then
    need rustfmt 'rustup component add rustfmt'
    printf '%s\n' "$rust_files" > "$STEP_DIR/list"
    while IFS= read -r file; do one_rust "$file"; done < "$STEP_DIR/list"
elif [ -f Cargo.toml ] && printf '%s' "$FAILED_ERROR" | grep -qiE 'rustfmt|cargo fmt|needs formatting|Diff in'; then
    need cargo-fmt 'rustup component add rustfmt'
    case $MODE in fix) cargo fmt ;; check) cargo fmt --check > /dev/null ;; esac
elif printf '%s' "$FAILED_ERROR" | grep -qiE 'eslint|prettier|✖'; then
    eslint=eslint
    [ ! -x node_modules/.bin/eslint ] || eslint=node_modules/.bin/eslint
    need "$eslint" 'npm install --save-dev eslint'
    case $MODE in fix) "$eslint" --fix . ;; check) "$eslint" . ;; esac
else
    need ruff 'pip install ruff, or pipx install ruff'
    case $MODE in fix) ruff check --fix --quiet . && ruff format --quiet . ;; check) ruff check --quiet . ;; esac
fi
