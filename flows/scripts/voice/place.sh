#!/bin/sh
# Places the call, and keeps its id. In: the commands `place` and `find`. Out: call.env. Never: a second call where an earlier execution
# may have got as far as the first: it left which calls there were, so the provider is asked for one that is new, and that one is taken.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
began=$STEP_DIR/began
if [ -f "$began" ]; then
    read -r since placed_in < "$began"
    # A call that the step `placed` took note of is over and done with: whoever wants this step again wants another one.
    if [ "$placed_in" != "$(cat "$here/work/placed/noted" 2> /dev/null || true)" ]; then
        if [ "$placed_in" != "$PLACED_IN" ]; then
            SINCE=$since
            made_meanwhile
        fi
        if [ -n "$CALL" ]; then
            keep_call "$placed_in"
            echo "call $CALL from $FROM to $TO was placed before"
            exit 0
        fi
    fi
fi
if [ -n "$(setting numbers)" ]; then
    outer numbers > "$STEP_DIR/numbers"
    for number in "$FROM" "$TO"; do
        grep -Fxq -e "$number" "$STEP_DIR/numbers" || { echo "$number is no number of the account; nobody else is called" >&2; exit 1; }
    done
fi
outer find > "$STEP_DIR/before.new"
mv "$STEP_DIR/before.new" "$STEP_DIR/before"
SINCE=$(date -u +%Y-%m-%dT%H:%M:%SZ)
export SINCE
printf '%s %s\n' "$SINCE" "$EXECUTION" > "$began.new"
mv "$began.new" "$began"
outer place > "$STEP_DIR/placed"
CALL=$(tail -n 1 "$STEP_DIR/placed")
keep_call "$EXECUTION"
echo "call $CALL from $FROM to $TO"
