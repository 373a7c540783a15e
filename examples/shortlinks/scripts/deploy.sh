#!/bin/sh
# Puts the committed service into live/; what was there before is kept in live.before/ for --undo.
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = --undo ]; then
    [ -d live.before ] || { echo "nothing to bring back: live.before/ is not there" >&2; exit 1; }
    rm -rf live
    mv live.before live
    # Before the first deployment nothing was live; an empty directory stands for that.
    [ -e live/version ] || rm -rf live
    echo "brought back $(cat live/version 2> /dev/null || echo nothing)"
    exit 0
fi

rm -rf live.new live.before
mkdir live.new
git archive HEAD shortlinks | tar -x -C live.new
git rev-parse HEAD > live.new/version
if [ -d live ]; then mv live live.before; else mkdir live.before; fi
mv live.new live
echo "deployed $(cat live/version)"
