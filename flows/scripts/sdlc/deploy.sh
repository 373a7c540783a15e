#!/bin/sh
# Over the boundary: the branch is merged into its target, and what is there is rolled out. --undo takes both back.
# In: change.json of this flow, the project's `deploy` and `undo` as they were shown. Never: a push, a merge commit thrown away that holds
# somebody else's work, uncommitted work lost.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
change=$ARTIFACTS/change.json
branch=$(field branch "$change") target=$(field target "$change") head=$(field head "$change")
noted=$RUN_BASE/$FLOW/work/apply
mkdir -p "$noted"

if [ "${1:-}" = --undo ]; then
    undo=$(shown_command_of undo)
    if [ -f "$noted/rolled-out" ]; then
        [ -n "$undo" ] || { echo 'the project has no `undo` command; take the deployment back by hand' >&2; exit 1; }
        sh -c "$undo" < /dev/null
        rm "$noted/rolled-out"
    fi
    if [ -f "$noted/merged" ]; then
        read -r before after < "$noted/merged"
        [ "$(git rev-parse "$target")" = "$after" ] || { echo "$target has moved since; revert $after by hand" >&2; exit 1; }
        git checkout -q "$target"
        # --keep refuses where it would lose uncommitted work.
        git reset -q --keep "$before"
        rm "$noted/merged"
        echo "$target is at $before again"
    fi
    exit 0
fi

# Before anything is done: what was approved is what runs.
deploy=$(shown_command_of deploy)
[ "$(git rev-parse HEAD)" = "$head" ] || { echo "HEAD is not $head, which was reviewed; run review and gate again" >&2; exit 1; }
[ -z "$(changes)" ] || { echo 'there are uncommitted changes; they would not be what was reviewed' >&2; exit 1; }
if [ -n "$target" ] && [ "$target" != "$branch" ]; then
    before=$(git rev-parse "$target")
    git checkout -q "$target"
    if ! git_as_somebody merge -q --no-ff -m "Merge $branch" "$branch"; then
        git merge --abort || true
        git checkout -q "$branch"
        echo "$branch does not merge into $target without conflicts; bring $target into it, and run build again" >&2
        exit 1
    fi
    printf '%s %s\n' "$before" "$(git rev-parse HEAD)" > "$noted/merged"
    echo "merged $branch into $target: $(git rev-parse HEAD)"
fi
if [ -n "$deploy" ]; then
    : > "$noted/rolled-out"
    sh -c "$deploy" < /dev/null
else
    echo 'the project has no `deploy` command: nothing is rolled out'
fi
echo 'applied'
