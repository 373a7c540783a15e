#!/bin/sh
# Is the Rust of the proposal formatted as the project wants it? Names every file that is not, and changes none.
# A file that was not formatted before is let be: mending that is another proposal.
set -eu
edition=$(sed -n 's/^edition *= *"\([0-9]*\)".*/\1/p' Cargo.toml 2> /dev/null | head -n 1)
cd "$ARTIFACTS/scratch"
mkdir -p "$STEP_DIR"

# Through standard input a file is judged alone, without the modules that it declares.
# shellcheck disable=SC2094 # both only read
formatted() { rustfmt --edition "${edition:-2021}" < "$1" 2> /dev/null | cmp -s - "$1"; }

wrong=0
git -c core.quotepath=off ls-files --others --modified '*.rs' > "$STEP_DIR/touched"
while IFS= read -r file; do
    if formatted "$file"; then continue; fi
    if git show "HEAD:$file" > "$STEP_DIR/before.rs" 2> /dev/null && ! formatted "$STEP_DIR/before.rs"; then continue; fi
    echo "needs formatting: $ARTIFACTS/scratch/$file" >&2
    wrong=$((wrong + 1))
done < "$STEP_DIR/touched"
if [ "$wrong" -gt 0 ]; then exit 1; fi
echo 'formatted'
