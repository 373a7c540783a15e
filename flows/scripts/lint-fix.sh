#!/bin/sh
# Lets the formatter or the linter mend what it complained of: the files that the failure names, else the whole project.
set -eu
. "$FLOWS/scripts/fix.sh"
mkdir -p "$STEP_DIR"
edition=$(rust_edition)
failed_files '\.rs$' > "$STEP_DIR/files"

# What to do with one Rust file. Through standard input the modules that it declares are left alone, and its own
# directory decides which rustfmt.toml counts.
one_rust() {
    (cd "$(dirname "$1")" && rustfmt --edition "$edition" < "$(basename "$1")") > "$STEP_DIR/formatted"
    case $MODE in
        fix) cat "$STEP_DIR/formatted" > "$1" && echo "formatted $1" ;;
        check) cmp -s "$STEP_DIR/formatted" "$1" ;;
    esac
}

if says 'clippy|-D warnings'; then
    need cargo-clippy 'rustup component add clippy'
    case $MODE in
        fix) cargo clippy --quiet --fix --allow-dirty --allow-staged --all-targets ;;
        check) cargo clippy --quiet --all-targets -- -D warnings ;;
    esac
elif [ -s "$STEP_DIR/files" ]; then
    need rustfmt 'rustup component add rustfmt'
    while IFS= read -r file; do one_rust "$file"; done < "$STEP_DIR/files"
elif [ -f Cargo.toml ]; then
    need cargo-fmt 'rustup component add rustfmt'
    case $MODE in fix) cargo fmt ;; check) cargo fmt --check > /dev/null ;; esac
elif [ -f package.json ]; then
    PATH=$PWD/node_modules/.bin:$PATH
    need eslint 'npm install --save-dev eslint'
    case $MODE in fix) eslint --fix . ;; check) eslint . ;; esac
else
    need ruff 'pip install ruff'
    case $MODE in
        fix) ruff check --quiet --fix . && ruff format --quiet . ;;
        check) ruff check --quiet . && ruff format --quiet --check . ;;
    esac
fi
