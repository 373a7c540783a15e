#!/bin/sh
# Where the workspace stands. Out: one JSON object. It changes nothing but what git knows of the remote.
set -eu
. "$FLOWS/scripts/sdlc/lib.sh"
git rev-parse --git-dir > /dev/null 2>&1 || blocked "a git repository; $PWD is none"
target=${PARAM_TARGET:-$(default_branch)}
[ -n "$target" ] || blocked 'the branch to go back to: --param target=NAME'
git rev-parse -q --verify "refs/heads/$target" > /dev/null || blocked "the branch $target"
upstream=$(git for-each-ref --format='%(upstream:short)' "refs/heads/$target")
if [ -n "$upstream" ] && [ "${1:-}" = fetch ]; then git fetch -q "${upstream%%/*}"; fi
behind=0 ahead=0
if [ -n "$upstream" ]; then behind=$(git rev-list --count "$target..$upstream") ahead=$(git rev-list --count "$upstream..$target"); fi
busy=
for sign in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply; do
    if [ -e "$(git rev-parse --git-path "$sign")" ]; then busy=$sign; fi
done

changes > "$ARTIFACTS/uncommitted.txt"
git diff HEAD -- . "$(runs_inside)" > "$ARTIFACTS/uncommitted.patch"
cat << JSON
{
  "branch": $(json_string "$(git symbolic-ref -q --short HEAD || true)"),
  "head": $(json_string "$(git rev-parse HEAD)"),
  "target": $(json_string "$target"),
  "upstream": $(json_string "$upstream"),
  "behind": $behind,
  "ahead": $ahead,
  "busy": $(json_string "$busy"),
  "uncommitted": $(grep -c '' "$ARTIFACTS/uncommitted.txt" || true)
}
JSON
