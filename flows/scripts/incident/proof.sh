# proof.sh RUN: for each line `FLOW STEP` of standard input, the receipt and the handoff of that step's last execution, as one JSON.
. "$FLOWS/scripts/json.sh"
. "$FLOWS/scripts/incident/lib.sh"
of_run "$1"
printf '{"steps": ['
between=
while read -r flow step; do
    if [ -z "$step" ]; then continue; fi
    printf '%s{"flow": ' "$between"
    json_string "$flow"
    printf ', "step": '
    json_string "$step"
    for file in receipt handoff; do
        printf ', "%s": ' "$file"
        said=$(program show "$name" "$step" --flow "$flow" "--$file" < /dev/null 2> /dev/null) || true
        printf '%s' "${said:-null}"
    done
    printf '}'
    between=', '
done
printf ']}\n'
