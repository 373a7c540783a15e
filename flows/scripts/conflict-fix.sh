#!/bin/sh
# A merge or rebase stopped at conflicts. Tries what loses nothing: resolutions that were recorded before (rerere), then
# the same once more with changes of blanks alone not counting as changes. Where that is not enough, the tree is put back as it was before the
# merge. What was half merged, with whatever a person had already resolved by hand, is kept under refs/flow-studio/.
set -eu
. "$FLOWS/scripts/fix.sh"
need git 'install git'
git_dir=$(git rev-parse --absolute-git-dir)
unmerged() { git diff --name-only --diff-filter=U; }

if [ "$MODE" = check ]; then
    [ -z "$(unmerged)" ] && [ ! -e "$git_dir/MERGE_HEAD" ] && [ ! -d "$git_dir/rebase-merge" ]
    exit 0
fi
if [ -z "$(unmerged)" ] && [ ! -e "$git_dir/MERGE_HEAD" ] && [ ! -d "$git_dir/rebase-merge" ]; then
    echo 'no conflict stands any more'
    exit 0
fi

# Everything in the work tree as one commit that no branch names; the index and the tree stay as they are.
cp "$git_dir/index" "$git_dir/flow-studio.index"
export GIT_AUTHOR_NAME=flow-studio GIT_AUTHOR_EMAIL=flow-studio@localhost
tree=$(GIT_INDEX_FILE=$git_dir/flow-studio.index git add --all && GIT_INDEX_FILE=$git_dir/flow-studio.index git write-tree)
rm -f "$git_dir/flow-studio.index"
kept=refs/flow-studio/conflict/$RUN_ID-$FAILED_STEP
git update-ref "$kept" "$(GIT_COMMITTER_NAME=flow-studio GIT_COMMITTER_EMAIL=flow-studio@localhost git commit-tree -p HEAD -m "half merged: $FAILED_STEP of $RUN_ID" "$tree")"
unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL
files=$(unmerged | tr '\n' ' ')

if [ -e "$git_dir/MERGE_HEAD" ]; then
    other=$(cat "$git_dir/MERGE_HEAD")
    [ "$(grep -c '' "$git_dir/MERGE_HEAD")" -eq 1 ] || blocked "a merge of several branches at once; a person has to merge: $files"
    git -c rerere.enabled=true -c rerere.autoUpdate=true rerere > /dev/null 2>&1 || true
    if [ -z "$(unmerged)" ]; then
        git commit --quiet --no-edit
        echo "merged with resolutions recorded before: $files"
        exit 0
    fi
    git merge --abort
    if git merge --quiet --no-edit -Xignore-space-change "$other" > /dev/null 2>&1; then
        echo "merged; only blanks stood between the two sides of $files"
        exit 0
    fi
    if [ -e "$git_dir/MERGE_HEAD" ]; then git merge --abort; fi
elif [ -d "$git_dir/rebase-merge" ]; then
    onto=$(cat "$git_dir/rebase-merge/onto")
    git rebase --abort
    if git rebase --quiet -Xignore-space-change "$onto" > /dev/null 2>&1; then
        echo "rebased; only blanks stood between the two sides of $files"
        exit 0
    fi
    if [ -d "$git_dir/rebase-merge" ]; then git rebase --abort; fi
else
    blocked "conflicts that are of no merge and no rebase; a person has to look at: $files"
fi
blocked "both sides changed the same lines of ${files}and a person has to decide; the tree is as it was before, and what was half merged is kept in $kept"
