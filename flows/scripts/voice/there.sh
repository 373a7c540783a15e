#!/bin/sh
# Everything that a call needs, looked at: commands, variables, ports, services, tunnel, health, numbers, webhook.
# Out: JSON: what is there, what is missing, what voice.conf leaves out. Never: a value of a variable printed.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
for list in missing there left-out; do : > "$STEP_DIR/$list"; done
lacks() { printf '%s\n' "$*" >> "$STEP_DIR/missing"; }
there() { printf '%s\n' "$*" >> "$STEP_DIR/there"; }
# asked NAME: what the command of that setting says goes to $STEP_DIR/NAME. No: it failed, which is said, or it is left out.
asked() {
    if [ -z "$(setting "$1")" ]; then printf '%s\n' "$1" >> "$STEP_DIR/left-out"; return 1; fi
    if outer "$1" > "$STEP_DIR/$1" 2> "$STEP_DIR/error"; then return 0; fi
    lacks "$2 (\`$1\` says: $(tail -n 1 "$STEP_DIR/error"))"
    return 1
}

if [ -s "$SAID" ]; then there "what is said, $SAID"; else lacks "what is said in the call: sentences in $SAID"; fi
for name in $(setting commands); do
    if command -v "$name" > /dev/null 2>&1; then there "command $name"; else lacks "command \`$name\` on PATH"; fi
done
file=$(setting env-file)
for name in $(setting env-names); do
    if grep -Eq "^(export )?$name=[\"']?[^\"' ]" "$file" 2> /dev/null; then there "$name in $file"; else lacks "a value for $name in $file"; fi
done

for pair in $PORTS; do
    name=${pair%:*} port=${pair#*:}
    if [ -n "$(setting "port.$name")" ] && asked "port.$name" "the port of $name" ; then
        has=$(head -n 1 "$STEP_DIR/port.$name")
        if [ "$has" = "$port" ]; then there "port $port of $name"
        else lacks "port $port for $name, by the number $NUMBER of this directory; it has ${has:-none}"; fi
    fi
done
if asked services 'a list of what runs'; then
    for name in $(setting services-wanted); do
        state=$(awk -v name="$name" '$1 == name { $1 = ""; sub(/^ /, ""); print; exit }' "$STEP_DIR/services")
        case $state in
            running* | Up* | up*) there "service $name" ;;
            *) lacks "service $name: it is ${state:-not there}" ;;
        esac
    done
fi
if asked tunnel 'the tunnel from outside'; then
    if grep -Eq "127\.0\.0\.1:$PORT_API([^0-9]|\$)" "$STEP_DIR/tunnel"; then there "tunnel to port $PORT_API"
    else lacks "a tunnel to 127.0.0.1:$PORT_API, the port of this directory's API"; fi
fi
if asked health-local "the API on port $PORT_API"; then there 'API, from here'; fi
if asked health-public "the API from outside, $PUBLIC_URL"; then there 'API, from outside'; fi
if asked numbers 'the numbers of the account'; then
    for name in "$FROM" "$TO"; do
        if grep -Fxq -e "$name" "$STEP_DIR/numbers"; then there "number $name"; else lacks "number $name in the account: nobody else is called"; fi
    done
fi
if asked webhook "the webhook of $TO"; then
    if [ "$(head -n 1 "$STEP_DIR/webhook")" = "$WEBHOOK_URL" ]; then there "webhook of $TO"
    else lacks "$WEBHOOK_URL as the webhook of $TO; it is $(head -n 1 "$STEP_DIR/webhook")"; fi
fi

{
    printf '{"missing": '
    rows < "$STEP_DIR/missing"
    printf ', "there": '
    rows < "$STEP_DIR/there"
    printf ', "left_out": '
    rows < "$STEP_DIR/left-out"
    printf '}\n'
} > "$STEP_DIR/said"
cat "$STEP_DIR/said"
sed 's/^/missing: /' "$STEP_DIR/missing" >&2
