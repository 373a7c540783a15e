#!/bin/sh
# Onto the target branch, and forward to what others have pushed; never back, never merged, never forced.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
[ -z "$(changes)" ] || { echo "there are uncommitted changes" >&2; exit 1; }
target=${PARAM_TARGET:-$(default_branch)}
git checkout -q "$target"
upstream=$(git for-each-ref --format='%(upstream:short)' "refs/heads/$target")
if [ -n "$upstream" ]; then
    git merge -q --ff-only "$upstream" || { echo "$target and $upstream have parted; a person has to bring them together" >&2; exit 1; }
fi
# Branches of earlier runs that are merged hold nothing that is not in the target. -d refuses any other.
git for-each-ref --format='%(refname:short)' --merged "$target" refs/heads/flow-studio/ | while IFS= read -r branch; do
    git branch -q -d "$branch" && echo "removed $branch, which is merged"
done
echo "on $target at $(git rev-parse HEAD)"
