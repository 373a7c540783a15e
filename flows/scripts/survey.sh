#!/bin/sh
# What kind of repository is this? One JSON object on standard output; the flow decides by it what is worth doing.
set -eu
. "$FLOWS/scripts/json.sh"

git rev-parse --git-dir > /dev/null 2>&1 || { echo "not a git repository: $PWD; give another one with --workspace" >&2; exit 1; }
git rev-parse -q --verify HEAD > /dev/null || { echo "the repository has no commit yet" >&2; exit 1; }
mkdir -p "$ARTIFACTS"
tracked > "$ARTIFACTS/files.txt"

# The licence that the project declares for itself, unless the run was given one.
licence=$PARAM_LICENCE
[ -n "$licence" ] || licence=$(sed -n 's/^license *= *"\([^"]*\)".*/\1/p' Cargo.toml pyproject.toml 2> /dev/null | head -n 1)
[ -n "$licence" ] || licence=$(sed -n 's/^ *"license": *"\([^"]*\)".*/\1/p' package.json 2> /dev/null | head -n 1)
printf '%s' "$licence" | tr -cd 'A-Za-z0-9.+ ()-' > "$ARTIFACTS/licence.txt"
licence=$(cat "$ARTIFACTS/licence.txt")

rust_files=$(grep -c '\.rs$' "$ARTIFACTS/files.txt" || true)
rust=false
if [ "$rust_files" -gt 0 ] && rustc --version > /dev/null 2>&1 && rustfmt --version > /dev/null 2>&1; then rust=true; fi

languages=$(awk -F. '
    NF < 2 { next }
    $NF == "rs" { n["Rust"]++ }      $NF == "py" { n["Python"]++ }
    $NF == "sh" { n["Shell"]++ }     $NF ~ /^ya?ml$/ { n["YAML"]++ }
    $NF ~ /^m?jsx?$/ { n["JavaScript"]++ }  $NF ~ /^tsx?$/ { n["TypeScript"]++ }
    $NF == "go" { n["Go"]++ }        $NF == "java" { n["Java"]++ }
    $NF ~ /^[ch]$/ { n["C"]++ }      $NF == "md" { n["Markdown"]++ }
    END { for (name in n) print n[name], name }' "$ARTIFACTS/files.txt" | sort -k1,1nr -k2 | head -n 6 | cut -d' ' -f2)

# Those that may hold comments are not JSON, and the big ones are data.
json_files() {
    grep '\.json$' "$ARTIFACTS/files.txt" | grep -vE '(^|/)(tsconfig[^/]*\.json|\.vscode/.*)$' | while IFS= read -r file; do
        if [ "$(wc -c < "$file")" -le 1000000 ]; then printf '%s\n' "$file"; fi
    done
}

json() { printf '  "%s": %s' "$1" "$2"; [ "${3:-}" = end ] && printf '\n' || printf ',\n'; }
{
    printf '{\n'
    json name "$(json_string "$(basename "$PWD")")"
    json branch "$(json_string "$(git symbolic-ref -q --short HEAD || echo detached)")"
    json head "$(json_string "$(git rev-parse --short HEAD)")"
    json commits "$(git rev-list --count HEAD)"
    json authors "$(git log --format=%aE | sort -u | grep -c '')"
    json first_day "$(json_string "$(git log --reverse --format=%cs | head -n 1)")"
    json last_day "$(json_string "$(git log -1 --format=%cs)")"
    json last_tag "$(json_string "$(git describe --tags --abbrev=0 2> /dev/null || true)")"
    json dirty "$(git status --porcelain | grep -c '' || true)"
    json files "$(grep -c '' "$ARTIFACTS/files.txt" || true)"
    json rust_files "$rust_files"
    json rust "$rust"
    json licence "$(json_string "$licence")"
    json languages "$(printf '%s\n' "$languages" | grep . | json_strings)"
    json json_files "$(json_files | head -n 12 | json_strings)" end
    printf '}\n'
} > "$ARTIFACTS/survey.json"
cat "$ARTIFACTS/survey.json"
