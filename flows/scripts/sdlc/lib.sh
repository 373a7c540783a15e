# Sourced by the scripts of the seven flows: where the project's commands stand, what the work tree looks like, what
# earlier flows of the run left.
. "$FLOWS/scripts/json.sh"
. "$FLOWS/scripts/held.sh"
mkdir -p "$STEP_DIR" "$ARTIFACTS"

# 69 is BLOCKED: the last line says what is missing.
blocked() { echo "$*" >&2; exit 69; }

# command_of NAME: how this project does something (test, lint, deploy, undo, live, smoke), or nothing. Fixed by the first
# flow of the run, in a place that no agent is offered for writing.
command_of() { sed -n "s/^$1 *= *//p" "$RUN_BASE/$FLOW/work/ready/project.conf" 2> /dev/null | head -n 1; }

# shown_command_of NAME: the same in `deploy`, out of what was shown when the roll-out was approved.
shown_command_of() {
    commands=$(held commands.conf "$1") || exit $?
    printf '%s\n' "$commands" | sed -n "s/^$1 *= *//p" | head -n 1
}

# here [MORE…]: the pathspec of the workspace without the runs that lie in it.
runs_inside() {
    runs=$(cd "$RUN_BASE/.." && pwd -P)
    root=$(pwd -P)
    case $runs in "$root"/*) printf ':(exclude)%s\n' "${runs#"$root"/}" ;; *) printf '.\n' ;; esac
}

# changes: uncommitted changes, one a line.
changes() { git status --porcelain --untracked-files=all -- . "$(runs_inside)"; }

# work_state: a text that differs when the work tree or the commit does.
work_state() {
    git rev-parse HEAD
    changes
    git diff HEAD -- . "$(runs_inside)" | git hash-object --stdin
    git ls-files --others --exclude-standard -- . "$(runs_inside)" | grep -v '^"' | while IFS= read -r file; do
        if [ -f "$file" ]; then git hash-object --no-filters -- "$file"; fi
    done
}

# field NAME FILE: a text of a JSON file that one of these scripts wrote, one field a line.
field() { sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p" "$2" 2> /dev/null | head -n 1; }

# git_as_somebody …: git, with a name where the machine has none.
git_as_somebody() {
    if git config user.email > /dev/null; then git "$@"; else git -c user.name='Flow Studio' -c user.email=flow-studio@localhost "$@"; fi
}

# default_branch: what work is merged into when nobody says so.
default_branch() {
    remote=$(git symbolic-ref -q --short refs/remotes/origin/HEAD 2> /dev/null || true)
    for name in "${remote#origin/}" main master trunk; do
        if [ -n "$name" ] && git rev-parse -q --verify "refs/heads/$name" > /dev/null; then printf '%s\n' "$name"; return; fi
    done
}

# program …: this very program, on this run's directory.
program() { "$FLOW_STUDIO" --runs "$(dirname "$RUN_BASE")" --color never "$@"; }
