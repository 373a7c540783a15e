#!/bin/sh
# The flow `build` on a copy of the example, with agents that say what they said in the recording that comes along: no key, no server.
# In: the program's path. Out: a run, and a copy with a commit. Never: a directory that is there already written to.
set -eu
program=${1:-target/debug/flow-studio}
cd "$(dirname "$0")/.."
case $program in /*) ;; *) program=$PWD/$program ;; esac
runs=${FLOW_STUDIO_RUNS:-run_base}
n=1
while [ -e "target/replay-demo/replay-$n" ] || [ -e "$runs/replay-$n" ]; do n=$((n + 1)); done
run=replay-$n work=target/replay-demo/$run
mkdir -p target/replay-demo
cp -R examples/shortlinks "$work"
(
    cd "$work"
    git init -q
    git symbolic-ref HEAD refs/heads/main
    git add -A
    git -c user.name=Example -c user.email=example@localhost -c commit.gpgsign=false commit -q -m 'A service that makes short links'
)
"$program" run build --run-id "$run" --workspace "$work" --param request=REQUEST.md --engine replay --recording examples/recordings/build
echo "$program show $run write-code --transcript    # what was said then, and what the tools said now"
echo "git -C $work log -p -1 flow-studio/$run"
