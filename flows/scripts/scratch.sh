#!/bin/sh
# A copy of the source files to work on, so that the repository itself stays as it is, and which of them lack the line
# that names their licence. The copy is a small git repository of its own: what is done to it can be shown as a patch.
set -eu
scratch=$ARTIFACTS/scratch
rm -rf "$scratch"
mkdir -p "$scratch" "$STEP_DIR"

# Rust where there is any, else whatever has comments that begin with # or //.
suffix='\.(py|sh|js|mjs|ts|go|c|h|java)$'
[ "$(grep -c '\.rs$' "$ARTIFACTS/files.txt" || true)" -eq 0 ] || suffix='\.rs$'
grep -E "$suffix" "$ARTIFACTS/files.txt" | head -n 2000 > "$ARTIFACTS/copied.txt" || true
grep -E '^\.?(rustfmt\.toml|editorconfig)$' "$ARTIFACTS/files.txt" > "$ARTIFACTS/settings.txt" || true
cat "$ARTIFACTS/copied.txt" "$ARTIFACTS/settings.txt" > "$STEP_DIR/all"
tr '\n' '\0' < "$STEP_DIR/all" | xargs -0 tar cf "$STEP_DIR/copy.tar" /dev/null 2> /dev/null
tar xf "$STEP_DIR/copy.tar" -C "$scratch"

: > "$ARTIFACTS/targets.txt"
if [ -s "$ARTIFACTS/licence.txt" ]; then
    # Left alone: an empty file, one with a byte order mark or carriage returns, and one that has to say its encoding at
    # the top; another first line would break what they are.
    tr '\n' '\0' < "$ARTIFACTS/copied.txt" | LC_ALL=C xargs -0 awk '
        FNR == 1 { if (file != "" && !named) print file; file = FILENAME; named = /\r$/ || /^\357\273\277/ }
        FNR <= 5 && /SPDX-License-Identifier:/ { named = 1 }
        FNR <= 2 && /^#.*coding[:=]/ { named = 1 }
        END { if (file != "" && !named) print file }' /dev/null > "$ARTIFACTS/lacking.txt"
    head -n "$PARAM_FILES" "$ARTIFACTS/lacking.txt" > "$ARTIFACTS/targets.txt"
fi

cd "$scratch"
git init -q --template=
git -c core.autocrlf=false add -A
git -c user.name=scratch -c user.email=scratch@localhost -c commit.gpgsign=false commit -q --allow-empty --no-verify -m 'as it is'
count() { grep -c '' "$1" 2> /dev/null || true; }
printf '{"copied": %d, "lacking": %d, "targets": %d}\n' "$(count "$ARTIFACTS/copied.txt")" \
    "$(count "$ARTIFACTS/lacking.txt" | grep . || echo 0)" "$(count "$ARTIFACTS/targets.txt")"
