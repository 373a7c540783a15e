#!/bin/sh
# Stands in for what a voice service runs on, by the name under which it is called: docker, tailscale, provider, database. It behaves
# like them as far as the runbook looks: a call that was placed shows at twelve points, unless the file `world/away` names the first that
# stays away. Every call that is placed is a line of `world/calls`, every thing that is made a line of `world/database`.
set -eu
world=$(cd "$(dirname "$0")/../world" && pwd)
away=$(cat "$world/away" 2> /dev/null || true)
call=$(tail -n 1 "$world/calls" 2> /dev/null || true)

# reached POINT: a call was placed, and got so far.
reached() {
    [ -n "$call" ] || return 1
    for point in placed connected webhook tunnel received caller answer stream engines audio transcript ended; do
        [ "$point" != "$away" ] || return 1
        [ "$point" != "$1" ] || return 0
    done
}
say() { if reached "$1"; then printf '%s\n' "$2"; fi; }

case ${0##*/}.${1:-} in
    docker.compose)
        case "$*" in
            *' ps '*) cat "$world/services" ;;
            *' api')
                say received "voice webhook asked, call $call-leg"
                say caller 'caller resolved: person 7'
                say answer '10.0.0.1 - "POST /voice/incoming HTTP/1.1" 200 OK'
                say stream "audio stream open, call $call-leg"
                say engines 'speech detection ready'
                say engines 'recogniser connected'
                say audio 'segment queued: 1.8 s'
                say ended 'audio stream closed'
                say ended 'recording saved: /recordings/1.wav'
                cat "$world/api.log" 2> /dev/null || true
                ;;
            *' worker') say transcript 'segment transcribed in 812 ms' ;;
        esac
        ;;
    tailscale.funnel)
        # Before there is a call it is on.
        if [ -z "$call" ] || reached tunnel; then printf '|-- / proxy http://127.0.0.1:%s\n' "$(cat "$world/tunnel")"; fi
        ;;
    provider.numbers) cat "$world/numbers" ;;
    provider.webhook) cat "$world/webhook" ;;
    provider.place)
        [ "$TWILIO_AUTH_TOKEN" = "$(cat "$world/token")" ] || { echo 'authentication failed' >&2; exit 1; }
        touch "$world/calls"
        echo "CA$(($(wc -l < "$world/calls") + 1))" >> "$world/calls"
        tail -n 1 "$world/calls"
        ;;
    provider.find)
        [ ! -f "$world/out-of-reach" ] || { echo 'connection refused' >&2; exit 7; }
        sed -n '1!G; h; $p' "$world/calls" 2> /dev/null || true
        ;;
    provider.call) say placed "call $call" ;;
    provider.status) if reached connected; then echo in-progress; else echo queued; fi ;;
    provider.events) say webhook "leg $call-leg asks $(cat "$world/webhook")" ;;
    provider.leg) say webhook "$call-leg" ;;
    database.have)
        if [ "$ITEM" = voice ]; then say ended 'conversation 3'; else sed -n "s/^$ITEM //p" "$world/database" 2> /dev/null || true; fi
        ;;
    database.make)
        case $ITEM in
            group) echo 'group id 1, 3 members' ;;
            private) echo 'private id 2, 2 members' ;;
            *) echo "$ITEM person" ;;
        esac >> "$world/database"
        ;;
    database.transcripts) if reached ended; then cat "$world/transcripts"; fi ;;
    database.interventions) if reached ended; then cat "$world/interventions"; fi ;;
    database.metrics) cat "$world/metrics-before"; if reached ended; then cat "$world/metrics"; fi ;;
    *) echo "${0##*/} $*: nothing stands in for that" >&2; exit 64 ;;
esac
