#!/bin/sh
# All seven flows in one run directory: signal, plan, build, review, gate, deploy, wisdom. Asked again with the same RUN_ID, it
# goes on where it stood.
# In: the program's path; RUN_ID, WORKSPACE, PARAMS, ENGINE from the environment. Out: a run. Exit code 0: all seven are done, or one
# waits for a person. Never: an answer given in a person's name, but for the example, where it says so.
set -eu
program=${1:-target/debug/flow-studio}
cd "$(dirname "$0")/.."
case $program in */*) ;; *) program=$(command -v "$program") || { echo "sdlc: $1 is not on PATH" >&2; exit 1; } ;; esac
case $program in /*) ;; *) program=$PWD/$program ;; esac
flows='signal plan build review gate deploy wisdom'
runs=${FLOW_STUDIO_RUNS:-run_base}
work=${SDLC_WORK:-target/sdlc}

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
look() { printf '\n%s-- %s%s\n' "$bold" "$*" "$plain"; }
fail() { printf 'sdlc: %s\n' "$*" >&2; exit 1; }

[ -x "$program" ] || fail "$program is not there; make build builds it"
command -v git > /dev/null 2>&1 || fail 'git is not installed; the flows work on a repository'

# -- Which run, which workspace, who performs the agents.
if [ -z "${RUN_ID:-}" ]; then
    n=1
    while [ -e "$runs/sdlc-$n" ]; do n=$((n + 1)); done
    RUN_ID=sdlc-$n
fi
known=
if [ -e "$runs/$RUN_ID/journal.jsonl" ]; then
    known=$("$program" status "$RUN_ID" --json | sed -n 's/^ *"workspace": "\(.*\)",\{0,1\}$/\1/p' | head -n 1)
fi
key=
if [ -n "${OPENAI_API_KEY:-}${OPENAI_BASE_URL:-}" ] || grep -qs '^\[engines' flow-studio.toml; then key=yes; fi
example=
if [ -n "$known" ]; then
    [ -z "${WORKSPACE:-}" ] || [ "$(cd "$WORKSPACE" && pwd -P)" = "$known" ] || fail "run $RUN_ID works on $known; leave WORKSPACE out, or choose another RUN_ID"
    WORKSPACE=$known
    [ -f "$WORKSPACE/.git/sdlc-example" ] && example=yes
elif [ -z "${WORKSPACE:-}" ]; then
    example=yes
    WORKSPACE=$work/$RUN_ID
    [ ! -e "$WORKSPACE" ] || fail "$WORKSPACE is left from an earlier run of this name; remove it, or choose another RUN_ID"
    mkdir -p "$work"
    cp -R examples/shortlinks "$WORKSPACE"
    (
        cd "$WORKSPACE"
        git init -q
        git symbolic-ref HEAD refs/heads/main
        git add -A
        git -c user.name=Example -c user.email=example@localhost -c commit.gpgsign=false commit -q -m 'A service that makes short links'
        touch .git/sdlc-example
    )
fi
if [ -z "${ENGINE:-}" ] && [ -z "$key" ]; then
    if [ -z "$example" ]; then
        echo "sdlc: OPENAI_API_KEY is not set, so there is nobody to do the agents' work on $WORKSPACE." >&2
        echo '      export OPENAI_API_KEY=…                               OpenAI' >&2
        echo '      export OPENAI_BASE_URL=http://localhost:11434/v1      a server on this machine' >&2
        echo '      make sdlc                                             without WORKSPACE: the shipped example, played from a script' >&2
        exit 3
    fi
    ENGINE=stub
fi
if [ "${ENGINE:-}" = stub ]; then
    [ -n "$example" ] || fail 'ENGINE=stub plays the script of the shipped example, and would write its files into your workspace; leave WORKSPACE out'
    cat << WORDS

   **********************************************************************************************************
   *  There is no key, so NO MODEL IS ASKED: what agents say and write comes from a script.                 *
   *  (flows/tests/*.example.scenario.yaml)  Everything else is real: the repository, its tests, the        *
   *  measures, the decisions, the merge, the deployment.  With a key:  OPENAI_API_KEY=… make sdlc          *
   **********************************************************************************************************
WORDS
fi
look "Run $RUN_ID on $WORKSPACE"

# -- Parameters go to the flows that have them.
declared() { sed -n '/^params:/,/^[a-z]/s/^  \([a-z][a-z0-9-]*\):.*/\1/p' "${FLOW_STUDIO_FLOWS:-flows}/$1.yaml"; }
words=
if [ -n "${PARAMS:-}" ]; then
    words=$(printf '%s\n' "$PARAMS" | xargs -n 1 printf '%s\n') || fail "PARAMS cannot be split into words; a quote in a value is quoted itself: name=\"O'Brien\""
    printf '%s\n' "$words" | while IFS= read -r word; do
        for flow in $flows; do declared "$flow"; done | grep -qxF "${word%%=*}" || { echo "sdlc: none of the flows has a parameter \`${word%%=*}\`" >&2; exit 2; }
    done || exit 2
fi

standing() {
    [ -e "$runs/$RUN_ID/journal.jsonl" ] || return 0
    "$program" status "$RUN_ID" --json | awk -v flow="$1" '
        /^ *"flow_path": / { split($0, part, "\""); at = part[4] }
        /^ *"status": / && at == flow { split($0, part, "\""); print part[4]; exit }'
}
questions() { "$program" review list --json | sed -n "s|^ *\"id\": *\"\($RUN_ID/[^\"]*\)\".*|\1|p"; }

# drive FLOW: starts it, or goes on with it.
drive() {
    flow=$1
    set --
    # gate and deploy ask no agent, so nothing of theirs is played.
    script=${FLOW_STUDIO_FLOWS:-flows}/tests/$flow.example.scenario.yaml
    if [ "${ENGINE:-}" = stub ] && [ -f "$script" ]; then set -- --scenario "$script"; fi
    case $(standing "$flow") in
        '')
            if [ -n "${ENGINE:-}" ]; then set -- --engine "$ENGINE" "$@"; fi
            wanted=$(declared "$flow")
            rest=$words
            while [ -n "$rest" ]; do
                word=$(printf '%s\n' "$rest" | head -n 1)
                rest=$(printf '%s\n' "$rest" | tail -n +2)
                if printf '%s\n' "$wanted" | grep -qxF "${word%%=*}"; then set -- "$@" --param "$word"; fi
            done
            "$program" run "$flow" --run-id "$RUN_ID" --workspace "$WORKSPACE" "$@" ;;
        *) "$program" resume "$RUN_ID" --flow "$flow" "$@" ;;
    esac
}

for flow in $flows; do
    if [ "$(standing "$flow")" = succeeded ]; then look "$flow is done"; continue; fi
    look "$flow"
    code=0
    drive "$flow" || code=$?
    if [ "$code" -eq 4 ] && [ "${ENGINE:-}" = stub ]; then
        for question in $(questions); do
            look "Here a person decides. What is asked, and on which evidence:"
            "$program" review show "$question"
            look "THE SCRIPT PLAYS THE PERSON, AND APPROVES. With a model, or on your repository, it would wait for you."
            "$program" review answer "$question" --choose approve --note 'played by make sdlc'
        done
        code=0
        drive "$flow" || code=$?
    fi
    case $code in
        0) ;;
        4)
            look "$flow waits for you. Look, answer, go on:"
            for question in $(questions); do
                echo "   make stepwise-review ID=$question"
                echo "   make stepwise-review ID=$question CHOOSE=…"
            done
            echo "   make sdlc RUN_ID=$RUN_ID"
            exit 0 ;;
        *)
            look "$flow ended with exit code $code. What happened, and what can be done:"
            echo "   $program status $RUN_ID"
            echo "   $program report $RUN_ID --flow $flow"
            if [ "$flow" = gate ]; then echo "   $runs/$RUN_ID/gate/artifacts/verdict.md says which row does not hold; then: $program run build --run-id $RUN_ID --again"; fi
            exit "$code" ;;
    esac
done

look "All seven are done. Read on:"
echo "   $runs/$RUN_ID/gate/artifacts/verdict.md      what the decision rested on"
echo "   $runs/$RUN_ID/deploy/artifacts/changelog.md  what went live"
echo "   $program report $RUN_ID"
echo "   git -C $WORKSPACE log --graph --oneline"
