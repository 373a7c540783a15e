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
git rev-parse -q --verify HEAD > /dev/null 2>&1 || { echo 'screenshots: the flow looks at the history of this repository: clone it' >&2; exit 1; }

work=$(mktemp -d)
studio=
finish() { [ -z "$studio" ] || kill "$studio" 2> /dev/null || true; rm -rf "$work"; }
trap finish EXIT INT TERM
export FLOW_STUDIO_RUNS="$work/run_base"

code=0
"$program" --quiet run repo-checkup --run-id checkup > "$work/run.log" 2>&1 || code=$?
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

question=$("$program" --json review list | tr ',{' '\n\n' | sed -n 's|.*"id": *"checkup/\([^"]*\)".*|\1|p' | head -n 1)
[ -n "$question" ] || question=$(ls "$work/run_base/checkup/repo-checkup/escalations" | sed -n 's|\.json$||p' | head -n 1)
mkdir -p "$out"
shot login "${link#"$base"}" 800 400 > /dev/null
rm -f "$out/login.png"
shot run /runs/checkup 1200 1100
shot run-dark /runs/checkup 1200 1100 --blink-settings=preferredColorScheme=0
shot question "/runs/checkup/questions/$question" 1200 1200
shot question-phone "/runs/checkup/questions/$question" 360 900
shot inbox-phone / 360 420
shot evidence /runs/checkup/evidence 1200 1000
shot diagnosis /runs/checkup/diagnosis 1200 900
shot flow /flows/repo-checkup 1200 1100
