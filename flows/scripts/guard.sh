#!/bin/sh
# Writes a Rust test into the scratch copy that keeps the rule from now on. Generated code, in one line per test: whether
# it is formatted as the project wants it is the formatter's business, not the generator's.
set -eu
cd "$ARTIFACTS/scratch"
licence=$(cat "$ARTIFACTS/licence.txt")
mkdir -p tests
guard=tests/licence_lines.rs
if git cat-file -e "HEAD:$guard" 2> /dev/null; then
    echo "the repository already has $guard" >&2
    exit 1
fi

# `src/main.rs` becomes `src_main_rs`.
as_name() { printf '%s' "$1" | tr -c 'A-Za-z0-9' '_' | tr '[:upper:]' '[:lower:]'; }
{
    echo "// SPDX-License-Identifier: $licence"
    echo '//! Files that have been given the line which names their licence keep it.'
    echo 'use std::{env,fs,path::Path};'
    echo 'fn names_its_licence(file:&str){'
    echo 'let root=env::var_os("CHECKED_ROOT").unwrap_or_else(||".".into());'
    echo 'let text=fs::read_to_string(Path::new(&root).join(file)).expect("a file of this repository");'
    echo 'assert!(text.lines().take(5).any(|line|line.contains("SPDX-License-Identifier:")),"{file} does not name its licence");}'
    number=0
    while IFS= read -r file; do
        number=$((number + 1))
        echo "#[test] fn file_${number}_$(as_name "$file")(){names_its_licence(\"$file\")}"
    done < "$ARTIFACTS/targets.txt"
} > "$guard"
echo "wrote $guard"
