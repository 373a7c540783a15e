#!/bin/sh
# The demo: a real flow on this very repository, with the person's part played as a reader would play it.
# In: the program's path. Out: a run in run_base/demo-<n>, and what it says on the screen. Never: a key, a server, a change outside the run.
set -eu
program=$1
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$*"; }
# Says a command as it would be typed, then does it.
show() {
  line='$ flow-studio'
  for word; do case $word in *' '*) line="$line \"$word\"" ;; *) line="$line $word" ;; esac; done
  say "$line"
  "$program" "$@"
}

command -v git >/dev/null 2>&1 || { echo "demo: git not found; the flow looks at this repository's history" >&2; exit 1; }
[ -f flows/repo-checkup.yaml ] || { echo "demo: flows/repo-checkup.yaml is not here" >&2; exit 1; }

n=1
while [ -e "${FLOW_STUDIO_RUNS:-run_base}/demo-$n" ]; do n=$((n + 1)); done
run=demo-$n
base=${FLOW_STUDIO_RUNS:-run_base}/$run/repo-checkup

code=0
show run repo-checkup --run-id "$run" || code=$?
if [ "$code" -ne 4 ]; then
  echo "demo: the flow was to stop with a question (exit code 4), it ended with $code" >&2
  show status "$run" || true
  exit 1
fi

say "# Exit code 4: it waits for a person, and can do so for days. The inbox:"
show review list
# The first line of the inbox that is of this run is its question.
question=$("$program" review list | grep -m 1 "^$run/" | cut -d' ' -f1)
show review show "$question"

say "# What is proposed, as its evidence shows it"
sed -n 1,24p "$base/artifacts/proposal.patch"

say "# A person has looked at it and says yes. The answer is bound to the digest of what was shown."
show review answer "$question" --choose approve --note "looks right to me" --as "${USER:-reviewer}"

say "# Now the run goes on from where it stood."
show resume "$run"

say "# The report that the flow rendered: $base/artifacts/repo-checkup.md"
cat "$base/artifacts/repo-checkup.md"

say "# Where it stands, and whether all files are what was written"
show status "$run"
show verify "$run"

say "# More: flow-studio report $run, flow-studio explain $run critic, and the files in ${base%/*}"
