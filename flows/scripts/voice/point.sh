#!/bin/sh
# One point of observation: STEP is its id in the table of points. Out: the lines that were expected, each where it was found. What stays
# away is said with its component and what to look at. Never: a line of a log believed that does not match.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
table points | grep "^$STEP$tab" > "$STEP_DIR/row"
IFS="$tab" read -r id what source expected component look < "$STEP_DIR/row"
rm -f "$STEP_DIR/seen"
printf '%s\n' "$expected" > "$STEP_DIR/expected"
# away WHY: the last line is what whoever reads the run sees first.
away() {
    printf '%s\n' "$1" > "$STEP_DIR/why"
    printf '%s\n' "$1" >&2
    printf 'stays away: %s. Look at: %s. There: %s\n' "$what" "$component" "$look" >&2
    exit 1
}
if ! outer "log.$source" > "$STEP_DIR/log" 2> "$STEP_DIR/error"; then
    away "\`log.$source\` could not be read: $(tail -n 1 "$STEP_DIR/error")"
fi
# What stands in braces is put in as it is, not as a part of the expression.
awk 'function put(name, text,    at) {
        gsub(/[][\\.*^$(){}?+|]/, "\\\\&", text)
        while ((at = index($0, "{" name "}")) > 0) $0 = substr($0, 1, at - 1) text substr($0, at + length(name) + 2)
    }
    {
        put("CALL", ENVIRON["CALL"]); put("LEG", ENVIRON["LEG"]); put("PORT_API", ENVIRON["PORT_API"])
        put("WEBHOOK_URL", ENVIRON["WEBHOOK_URL"]); put("WEBHOOK_PATH", ENVIRON["WEBHOOK_PATH"])
        gsub(/ && /, "\n")
        print
    }' "$STEP_DIR/expected" > "$STEP_DIR/patterns"
: > "$STEP_DIR/found"
while IFS= read -r pattern; do
    line=$(grep -E -m 1 -e "$pattern" "$STEP_DIR/log" || true)
    [ -n "$line" ] || away "the log \`$source\` does not say /$pattern/"
    printf '%s\n' "$line" >> "$STEP_DIR/found"
done < "$STEP_DIR/patterns"
# From here on the service's own logs are looked into, and they have the id under which the call came in.
if [ "$STEP" = webhook ] && [ -n "$(setting leg)" ]; then
    outer leg > "$STEP_DIR/leg.new"
    [ -s "$STEP_DIR/leg.new" ] || away 'the provider does not say under which id the call came in (`leg`)'
    mv "$STEP_DIR/leg.new" "$STEP_DIR/leg"
fi
mv "$STEP_DIR/found" "$STEP_DIR/seen"
sed "s/^/seen in $source: /" "$STEP_DIR/seen"
