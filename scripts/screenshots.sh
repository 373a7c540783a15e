#!/bin/sh
# Pictures of the studio's pages: light, dark and on a phone, of a run with a loop, a known fix and an open question.
# In: the program's path; `chromium` (or CHROMIUM=/path). Out: docs/pictures/*.png. Never: a run or a token of this checkout.
set -eu
program=${1:-target/debug/flow-studio}
cd "$(dirname "$0")/.."
case $program in /*) ;; *) program=$PWD/$program ;; esac
out=$PWD/docs/pictures
browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || { echo 'screenshots: chromium is not installed (Debian: apt install chromium), or say CHROMIUM=/path' >&2; exit 1; }

work=$(mktemp -d)
studio=
finish() { [ -z "$studio" ] || kill "$studio" 2> /dev/null || true; rm -rf "$work"; }
trap finish EXIT INT TERM
mkdir -p "$work/release/flows/tests" "$work/release/agents"
cd "$work/release"
cat > flows/release.yaml <<'END'
flow: release
title: Bring a version out
charter: {goal: A version that people can install, non_goals: [new features]}
params:
  version: {type: string, required: true, pattern: '[0-9]+\.[0-9]+\.[0-9]+', description: The number it gets}
  channel: {type: enum, values: [stable, beta], default: stable, description: Who gets it}
steps:
  - id: notes
    title: Write down what is new
    run: mkdir -p "$ARTIFACTS"; printf '# What is new\n\n- Links that expire.\n- A quieter log.\n' | tee "$ARTIFACTS/notes.md" > NOTES.md; echo written
    expect: {stdout: written}
  - id: critique
    title: Would a reader understand it?
    agent: critic
    loop: {to: notes, max: 3}
  - {id: lint, title: House rules, needs: [critique], run: 'test -f formatted || { echo "not formatted" >&2; exit 1; }; echo clean', expect: {stdout: clean}}
  - {id: beta, title: Ask the testers, needs: [critique], run: 'echo asked', expect: {stdout: asked}, when: "params.channel == 'beta'"}
  - {id: package, title: Build what is shipped, needs: [lint], flow: package}
  - id: publish
    title: Bring it out?
    needs: [package]
    ask: {question: 'Bring version 1.4.0 out to everybody?', evidence: [NOTES.md, SUMS.txt], severity: HIGH, options: [{key: publish, label: Bring it out, effect: it can be installed at once}, {key: wait, label: Not today, effect: nothing is published}]}
  - {id: announce, title: Tell people, needs: [publish], run: 'echo told', expect: {stdout: told}}
END
cat > flows/package.yaml <<'END'
flow: package
title: Build what is shipped
steps:
  - {id: build, run: 'echo app-1.4.0.tar.gz', expect: {stdout: app}}
  - {id: sums, run: 'echo "app-1.4.0.tar.gz 9f2c" > SUMS.txt; echo ok', expect: {stdout: ok}, outputs: [SUMS.txt]}
END
cat > flows/detours.yaml <<'END'
detours:
  - {id: format-fix, title: Format the files, when: {error: not formatted}, steps: [{id: format, run: 'touch formatted'}], verify: test -f formatted}
END
printf -- '---\nname: critic\ndescription: reads as a stranger would\n---\nRead the notes as somebody who does not know us.\n' > agents/critic.md
cat > flows/tests/release.two-rounds.scenario.yaml <<'END'
flow: release
params: {version: 1.4.0}
steps:
  notes: [{stdout: written}, {stdout: written}]
  critique:
    - {status: UNVERIFIED, summary: Nobody outside knows what a quieter log is.}
    - {status: VERIFIED, summary: It can be understood.}
  lint: [{stdout: clean}]
answers: {publish: {choose: publish}}
END
# The run has to ask; what the scenario answers is left out.
grep -v '^answers' flows/tests/release.two-rounds.scenario.yaml > "$work/script.yaml"
export FLOW_STUDIO_RUNS="$work/release/run_base" USER=ada
code=0
"$program" --quiet run release --run-id release-14 --param version=1.4.0 --engine stub --scenario "$work/script.yaml" > "$work/run.log" 2>&1 || code=$?
[ "$code" -eq 4 ] || { cat "$work/run.log" >&2; echo "screenshots: the flow was to stop with a question, and ended with $code" >&2; exit 1; }
"$program" --quiet serve --bind 127.0.0.1:0 > "$work/link" 2> "$work/serve.log" &
studio=$!
n=0
while [ ! -s "$work/link" ]; do
    n=$((n + 1))
    [ "$n" -lt 100 ] || { cat "$work/serve.log" >&2; echo 'screenshots: the studio did not start' >&2; exit 1; }
    sleep 0.1
done
link=$(head -n 1 "$work/link")
base=${link%/login*}

# name, path, width, height, and what else the browser is told
shot() {
    name=$1 path=$2 size=$3,$4
    shift 4
    timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --hide-scrollbars \
        --user-data-dir="$work/browser" --window-size="$size" --screenshot="$work/$name.png" "$@" "$base$path" > "$work/browser.log" 2>&1 \
        && [ -s "$work/$name.png" ] || { cat "$work/browser.log" >&2; echo "screenshots: no picture of $path" >&2; exit 1; }
    mv "$work/$name.png" "$out/$name.png"
    echo "docs/pictures/$name.png"
}

mkdir -p "$out"
shot login "${link#"$base"}" 800 400 > /dev/null
rm -f "$out/login.png"
shot run /runs/release-14 1200 1100
shot run-dark /runs/release-14 1200 1100 --blink-settings=preferredColorScheme=0
shot question "/runs/release-14/questions/publish-1" 1200 1200
shot question-phone "/runs/release-14/questions/publish-1" 360 900
shot inbox-phone / 360 420
shot evidence /runs/release-14/evidence 1200 1000
shot diagnosis /runs/release-14/diagnosis 1200 900
shot step "/runs/release-14/step?flow=release&step=critique" 1200 900
shot flow /flows/release 1200 1100
