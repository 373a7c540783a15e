#!/bin/sh
# Takes in what others have pushed: fetch, then rebase the own commits onto it. Never forces, never leaves a rebase half done.
set -eu
. "$FLOWS/scripts/fix.sh"
need git 'install git'

upstream=$(git rev-parse --abbrev-ref --symbolic-full-name '@{upstream}' 2> /dev/null) ||
    blocked "this branch follows no other; say which: git branch --set-upstream-to=origin/$(git symbolic-ref --short HEAD 2> /dev/null || echo main)"
if [ "$MODE" = check ]; then
    git merge-base --is-ancestor "$upstream" HEAD
    exit 0
fi
[ -z "$(git status --porcelain --untracked-files=no)" ] || blocked 'there are changes that are not committed; commit or stash them first'
git fetch --quiet "$(git config "branch.$(git symbolic-ref --short HEAD).remote")"
before=$(git rev-parse HEAD)
if ! git rebase --quiet "$upstream" > /dev/null 2>&1; then
    files=$(git diff --name-only --diff-filter=U | tr '\n' ' ')
    git rebase --abort
    [ "$(git rev-parse HEAD)" = "$before" ] || blocked "the rebase could not be taken back; your commits are at $before"
    blocked "the own commits and $upstream both changed ${files:-the same lines}; the branch is as it was: git rebase $upstream"
fi
echo "on top of $upstream at $(git rev-parse --short "$upstream")"
