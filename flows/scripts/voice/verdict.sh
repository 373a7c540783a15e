#!/bin/sh
# The last word. In: one argument for each thing that is not as it should be, empty where it is. Out: a word; exit code 1 with all of them.
set -eu
wrong=
for one in "$@"; do
    one=${one#exit code 1: }
    [ -z "$one" ] || wrong="$wrong${wrong:+; }$one"
done
[ -z "$wrong" ] || { printf '%s\n' "$wrong" >&2; exit 1; }
echo 'the call went through, from end to end'
