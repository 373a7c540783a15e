#!/bin/sh
# The telephony API of Twilio, by its REST interface. In: numbers | webhook | place | find | call | status | leg | events; the variables
# TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, API_URL, ALERTS_URL, FROM, TO, SAID, CALL. Out: plain lines. Never: the token on a command line.
#
# A call between two numbers of an account is two calls there: `CALL`, which was placed, and a leg that comes in at TO. The service sees
# only the leg. Which requests a webhook got is told there long after the call, so the leg and the address of the number stand for that.
set -eu
: "${TWILIO_ACCOUNT_SID:?this step was not given the account}" "${TWILIO_AUTH_TOKEN:?this step was not given the token}"
account=$API_URL/2010-04-01/Accounts/$TWILIO_ACCOUNT_SID

# ask URL [MORE OF CURL…]: sets `answer` to lines `path<TAB>value`; an error of the API ends this script.
ask() {
    url=$1
    shift
    if ! answer=$(printf 'user = "%s:%s"\n' "$TWILIO_ACCOUNT_SID" "$TWILIO_AUTH_TOKEN" \
        | curl -sS --fail-with-body --max-time 30 --config - "$@" "$url"); then
        # Where it was not reached at all, curl has said so.
        [ -z "$answer" ] || printf 'the API says: %s\n' "$answer" >&2
        exit 1
    fi
    answer=$(printf '%s\n' "$answer" | awk -f "$FLOWS/scripts/voice/json.awk")
}
# field NAME: the values of a field of the answer, its own or of what it lists.
field() { printf '%s\n' "$answer" | sed -n "s/^\([a-z_]*\.[0-9]*\.\)\{0,1\}$1$(printf '\t')//p"; }
# ask_calls: sets `calls` to `ID DIRECTION` of the latest between the two numbers, the newest first.
ask_calls() {
    ask "$account/Calls.json" --get --data-urlencode "From=$FROM" --data-urlencode "To=$TO" --data PageSize=50
    calls=$(printf '%s\n' "$answer" | awk -F '\t' '
        { split($1, at, "."); call = at[2] }
        $1 ~ /^calls\.[0-9]+\.sid$/ { id[call] = $2 }
        $1 ~ /^calls\.[0-9]+\.direction$/ { direction[call] = $2 }
        END { for (call = 0; call in id; call++) print id[call], direction[call] }')
}
# leg: of `calls`, the one that came in nearest behind CALL.
leg() { printf '%s\n' "$calls" | awk -v call="$CALL" '$1 == call { if (leg != "") print leg; exit } $2 == "inbound" { leg = $1 }'; }
ask_webhook() { ask "$account/IncomingPhoneNumbers.json" --get --data-urlencode "PhoneNumber=$TO"; }

case $1 in
    numbers) ask "$account/IncomingPhoneNumbers.json" --get --data PageSize=1000; field phone_number ;;
    webhook) ask_webhook; field voice_url ;;
    place)
        # What is said, with a pause behind each sentence, so that each is heard as one.
        say=$(sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s|.*|<Say>&</Say><Pause length="2"/>|' "$SAID" | tr -d '\n')
        ask "$account/Calls.json" --data-urlencode "From=$FROM" --data-urlencode "To=$TO" \
            --data-urlencode "Twiml=<Response><Pause length=\"3\"/>$say</Response>"
        field sid
        ;;
    find) ask_calls; printf '%s\n' "$calls" | awk '$2 ~ /^outbound/ { print $1 }' ;;
    call) ask "$account/Calls/$CALL.json"; field sid | sed 's/^/call /' ;;
    status) ask "$account/Calls/$CALL.json"; field status ;;
    leg) ask_calls; leg ;;
    events)
        ask_calls
        in=$(leg)
        [ -n "$in" ] || exit 0
        ask_webhook
        printf 'leg %s asks %s\n' "$in" "$(field voice_url)"
        if [ -n "$ALERTS_URL" ]; then
            ask "$ALERTS_URL/v1/Alerts" --get --data PageSize=50
            printf '%s\n' "$answer" | awk -F '\t' -v leg="$in" '
                { split($1, at, "."); alert = at[2] }
                $1 ~ /\.resource_sid$/ { of[alert] = $2 }
                $1 ~ /\.error_code$/ { code[alert] = $2 }
                $1 ~ /\.request_url$/ { url[alert] = $2 }
                END { for (alert in of) if (of[alert] == leg) print "alert " code[alert] " " url[alert] }'
        fi
        ;;
esac
