#!/bin/sh
# Installs the agent programs that `make test-agent-clis` drives: pinned versions, from npm, into one directory and nowhere else.
set -eu
dir=$1
claude=2.1.197
codex=0.171.0

command -v npm >/dev/null 2>&1 || { echo "make: npm not found; it comes with Node.js (https://nodejs.org)" >&2; exit 1; }
if [ "$(cat "$dir/versions" 2>/dev/null)" = "$claude $codex" ]; then exit 0; fi
mkdir -p "$dir"
npm install --prefix "$dir" --no-audit --no-fund --ignore-scripts \
  "@anthropic-ai/claude-code@$claude" "@openai/codex@$codex"
# Puts the program for this machine in its place; npm does not run it everywhere.
(cd "$dir/node_modules/@anthropic-ai/claude-code" && node install.cjs)
echo "$claude $codex" > "$dir/versions"
