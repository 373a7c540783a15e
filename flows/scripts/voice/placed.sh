#!/bin/sh
# The call of this run, as JSON. One that was placed without its id being kept is looked for at the provider.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
[ -f "$here/work/place/began" ] || blocked 'a call: none was placed in this run'
read -r SINCE placed_in < "$here/work/place/began"
if [ "$placed_in" != "$PLACED_IN" ]; then
    made_meanwhile
    [ -n "$CALL" ] || blocked "a call: the provider knows no new one from $FROM to $TO. Place it: answer push-back:place"
    keep_call "$placed_in"
fi
printf '%s\n' "$placed_in" > "$STEP_DIR/noted"
# Numbers and ids: none of them has a quote in it.
printf '{"call": "%s", "since": "%s", "from": "%s", "to": "%s"}\n' "$CALL" "$SINCE" "$FROM" "$TO"
