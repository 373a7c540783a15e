#!/bin/sh
# The demo: a real flow on this very repository, with the person's part played as a reader is told to play it.
# In: the program's path. Out: a run in run_base/demo-<n>, and on the screen what it is and says. Exit code 0 only if
# everything came as expected. Never: a key, a server, a change outside the run.
set -eu
program=${1:-target/debug/flow-studio}
cd "$(dirname "$0")/.."
case $program in /*) ;; *) program=$PWD/$program ;; esac
runs=${FLOW_STUDIO_RUNS:-run_base}

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
look() { printf '\n%s-- %s%s\n' "$bold" "$*" "$plain"; }
show() {
    printf '%s$ flow-studio' "$bold"
    for word in "$@"; do case $word in *' '*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac; done
    printf '%s\n' "$plain"
    "$program" "$@"
}
fail() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

[ -x "$program" ] || fail "$program is not there; make demo builds it"
command -v git > /dev/null 2>&1 || fail 'git is not installed; the flow looks at the history of this repository'
git rev-parse -q --verify HEAD > /dev/null 2>&1 || fail 'this is not a git repository with a commit; clone it instead of unpacking an archive'

n=1
while [ -e "$runs/demo-$n" ]; do n=$((n + 1)); done
run=demo-$n
state() { git rev-parse HEAD && git status --porcelain; }
before=$(state)

look 'flows/repo-checkup.yaml looks this repository over and mends a scratch copy of it. Watch for the critic that sends
   the author round again (LOOP), and for the complaint about formatting that a known fix takes care of (DETOUR).'
code=0
show run repo-checkup --run-id "$run" || code=$?
if [ "$code" -ne 4 ]; then
    "$program" status "$run" >&2 || true
    fail "the flow was to stop with a question (exit code 4); it ended with $code"
fi
for decision in LOOP DETOUR; do
    grep -q "\"decision\":\"$decision\"" "$runs/$run/repo-checkup/routing/decisions.jsonl" || fail "no $decision was decided"
done

look 'Exit code 4: it waits for a person, for days if need be; no process is left. What is asked, and on which evidence:'
question=$("$program" --json review list | tr ',' '\n' | tr '{' '\n' | sed -n "s|.*\"id\": *\"\($run/[^\"]*\)\".*|\1|p" | head -n 1)
[ -n "$question" ] || fail "the inbox holds no question of $run"
show review show "$question"

look 'The person says yes. The answer covers exactly what was shown: its digest is above.'
show review answer "$question" --choose approve --note 'read the patch, looks right'

look 'The run goes on from where it stood.'
show resume "$run"

look "What a person gets: $runs/$run/repo-checkup/artifacts/repo-checkup.md"
cat "$runs/$run/repo-checkup/artifacts/repo-checkup.md"

look 'Where the run stands, and whether its journal and files are what was written:'
show status "$run"
show verify "$run"

[ "$(state)" = "$before" ] || fail 'the repository was changed; it should not have been'
[ -s "$runs/$run/repo-checkup/artifacts/proposal.patch" ] || fail 'there is no patch'
look "Done. This repository is as it was; everything is in $runs/$run. Ask on:"
echo "   $1 explain $run format        why it took a detour"
echo "   $1 show $run critic           proof of the critic's last round"
echo "   $1 report $run                the story of the run"
