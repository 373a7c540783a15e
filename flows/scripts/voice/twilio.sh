#!/bin/sh
# The telephony API of Twilio, by its REST interface. In: numbers | webhook | place | find | call | status | events; TWILIO_ACCOUNT_SID and
# TWILIO_AUTH_TOKEN, API_URL, FROM, TO, SAID, CALL, SINCE. Out: one plain line for each thing. Never: the token on a command line.
set -eu
: "${TWILIO_ACCOUNT_SID:?this step was not given the account}" "${TWILIO_AUTH_TOKEN:?this step was not given the token}"
account=$API_URL/2010-04-01/Accounts/$TWILIO_ACCOUNT_SID

# api PATH [MORE OF CURL…]: asks, and gives the answer as lines `path<TAB>value`.
api() {
    path=$1
    shift
    printf 'user = "%s:%s"\n' "$TWILIO_ACCOUNT_SID" "$TWILIO_AUTH_TOKEN" \
        | curl -sS --fail-with-body --max-time 30 --config - "$@" "$account/$path" | awk -f "$FLOWS/scripts/voice/json.awk"
}
# field NAME: the values of a field, at any place of the answer but deeper ones of its parts.
field() { sed -n "s/^\([a-z_]*\.[0-9]*\.\)\{0,1\}$1$(printf '\t')//p"; }

case $1 in
    numbers) api 'IncomingPhoneNumbers.json?PageSize=1000' | field phone_number ;;
    webhook) api IncomingPhoneNumbers.json --get --data-urlencode "PhoneNumber=$TO" | field voice_url ;;
    place)
        # What is said, with a pause behind each sentence, so that each is heard as one.
        say=$(sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s|.*|<Say>&</Say><Pause length="2"/>|' "$SAID" | tr -d '\n')
        answer=$(api Calls.json --data-urlencode "From=$FROM" --data-urlencode "To=$TO" \
            --data-urlencode "Twiml=<Response><Pause length=\"3\"/>$say</Response>")
        id=$(printf '%s\n' "$answer" | field sid)
        if [ -z "$id" ]; then printf '%s\n' "$answer" >&2; exit 1; fi
        printf '%s\n' "$id"
        ;;
    find)
        # The API filters by day; what was made on that day before SINCE is left out here.
        api Calls.json --get --data-urlencode "From=$FROM" --data-urlencode "To=$TO" --data-urlencode "StartTime>=${SINCE%%T*}" \
            | awk -F '\t' -v since="$SINCE" '
                function utc(text,    part) {
                    split(text, part, " ")
                    return sprintf("%s-%02d-%02dT%sZ", part[4], (index("JanFebMarAprMayJunJulAugSepOctNovDec", part[3]) + 2) / 3, part[2], part[5])
                }
                { split($1, at, "."); call = at[2] }
                at[1] == "calls" && at[3] == "sid" && !(4 in at) { id[call] = $2 }
                at[1] == "calls" && at[3] == "date_created" { made[call] = utc($2) }
                END { for (call = 0; call in id; call++) if (made[call] >= since) print id[call] }'
        ;;
    call) api "Calls/$CALL.json" | field sid | sed 's/^/call /' ;;
    status) api "Calls/$CALL.json" | field status ;;
    events)
        api "Calls/$CALL/Events.json" | awk -F '\t' '
            $1 ~ /\.request\.url$/ { printf "%s", $2 }
            $1 ~ /\.response\.response_code$/ { print " " $2 }'
        ;;
esac
