#!/bin/sh
# The first step of each of the seven flows. It takes over what earlier flows of the run left, and fixes how this project
# is tested and deployed.
# In: files as <flow>/<name>, which an earlier flow of this run made. Out: the same in artifacts/, house-rules.md,
# project.conf and the state of the work tree in STEP_DIR; one JSON object.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"

git rev-parse --git-dir > /dev/null 2>&1 || blocked "a git repository; $PWD is none: give another one with --workspace"
git rev-parse -q --verify HEAD > /dev/null || blocked "a first commit in $PWD"

# -- What was asked for, and what earlier flows made of it.
request() {
    if [ -n "${PARAM_REQUEST:-}" ] && [ -f "$PARAM_REQUEST" ]; then cat "$PARAM_REQUEST"; else printf '%s\n' "${PARAM_REQUEST:-}"; fi
}
for wanted in "$@"; do
    from=$RUN_BASE/${wanted%%/*}/artifacts/${wanted#*/}
    name=${wanted#*/}
    if [ -f "$from" ]; then
        cp "$from" "$ARTIFACTS/$name"
    elif [ -n "${PARAM_REQUEST:-}" ]; then
        # A flow by itself: the request stands for what was not worked out.
        request > "$ARTIFACTS/$name"
    else
        blocked "$name: run \`flow-studio run ${wanted%%/*} --run-id $RUN_ID\` first, or say what is wanted with --param request='…'"
    fi
done
if [ "$FLOW" = signal ]; then
    if [ -z "${PARAM_REQUEST:-}" ] && [ -f REQUEST.md ]; then PARAM_REQUEST=REQUEST.md; fi
    request > "$ARTIFACTS/request.md"
    grep -q '[^[:space:]]' "$ARTIFACTS/request.md" || blocked "a request: --param request='what is wanted', or the name of a file that says it"
fi

# -- What a gate had against it, where build runs again.
if [ "$FLOW" = build ]; then
    if grep -qs 'BOUNCE' "$RUN_BASE/gate/artifacts/verdict.md"; then
        cat "$RUN_BASE/gate/artifacts/verdict.md" "$RUN_BASE/review/artifacts/review.md" > "$ARTIFACTS/earlier-verdict.md" 2> /dev/null || true
    else
        echo 'This was not reviewed before.' > "$ARTIFACTS/earlier-verdict.md"
    fi
fi

# -- House rules, for whoever works here.
{
    for file in AGENTS.md CLAUDE.md CONTRIBUTING.md; do
        if [ -f "$file" ]; then printf '%s\n\n' "From $file:"; sed 's/^#/##/' "$file"; echo; fi
    done
} > "$ARTIFACTS/house-rules.md"
[ -s "$ARTIFACTS/house-rules.md" ] || echo 'The project has written none down. Do as the code around you does.' > "$ARTIFACTS/house-rules.md"

# -- How this project is tested, deployed, looked at.
found() {
    case $1 in
        test)
            if grep -qs '^test:' Makefile; then echo 'make test'
            elif [ -f Cargo.toml ]; then echo 'cargo test'
            elif [ -f go.mod ]; then echo 'go test -v ./...'
            elif grep -qs '"test"' package.json; then echo 'npm test --silent'
            elif [ -f pytest.ini ] || grep -qs 'pytest' pyproject.toml setup.cfg tox.ini; then echo 'python3 -m pytest -q -rA'
            elif [ -d tests ] && ls tests/*.py > /dev/null 2>&1; then echo 'python3 -m unittest discover -v -s tests'
            fi ;;
        lint) if grep -qs '^lint:' Makefile; then echo 'make lint'; fi ;;
    esac
}
settled=
for flow in signal plan build review gate deploy; do
    if [ "$flow" != "$FLOW" ] && [ -f "$RUN_BASE/$flow/work/ready/project.conf" ]; then settled=$RUN_BASE/$flow/work/ready/project.conf; break; fi
done
for name in test lint deploy undo live smoke; do
    given=$(eval "printf '%s' \"\${PARAM_$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]'):-}\"" | tr '\n' ' ')
    [ -n "$given" ] || given=$(sed -n "s/^$name *= *//p" ${settled:+"$settled"} /dev/null | head -n 1)
    [ -n "$given" ] || [ -n "$settled" ] || given=$(sed -n "s/^$name *= *//p" sdlc.conf 2> /dev/null | head -n 1)
    [ -n "$given" ] || given=$(found "$name")
    if [ -n "$given" ]; then printf '%s = %s\n' "$name" "$given"; fi
done > "$STEP_DIR/project.conf"
[ -n "$(command_of test)" ] || blocked "a test command: write \`test = …\` into sdlc.conf, or give --param test='…'"

work_state > "$STEP_DIR/state"
{
    echo '{'
    printf '  "head": %s,\n' "$(json_string "$(git rev-parse HEAD)")"
    printf '  "branch": %s,\n' "$(json_string "$(git symbolic-ref -q --short HEAD || true)")"
    printf '  "changes": %s,\n' "$(changes | grep -c '' || true)"
    printf '  "files": %s,\n' "$(git ls-files | grep -c '' || true)"
    printf '  "test": %s\n' "$(json_string "$(command_of test)")"
    echo '}'
}
