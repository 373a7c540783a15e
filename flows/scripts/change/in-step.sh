#!/bin/sh
# Sources and what is live are the same text. In: the snapshot `post`. Out: a word, or where they part.
set -eu
cd "$RUN_BASE/$FLOW/snapshots/post/commands"
cmp live.txt sources.txt && echo 'in step'
