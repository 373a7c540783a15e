#!/bin/sh
# What the database holds of the table of data. In: look before | look call | make. Out: JSON: items, those that are lacking, those that
# are wrong. `make` makes the lacking ones in the order of the table, each after a last look. Never: a change of what is there.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
table data > "$STEP_DIR/data.tsv"
# held ITEM: sets `is` to what is there of it, in one line.
held() {
    ITEM=$1
    export ITEM
    outer have > "$STEP_DIR/have"
    is=$(head -n 1 "$STEP_DIR/have")
}
if [ "$1" = make ]; then
    while IFS="$tab" read -r id what when holds without; do
        [ "$when" = before ] || continue
        held "$id"
        [ -z "$is" ] || continue
        outer make > "$STEP_DIR/made"
        echo "made $id: $what"
    done < "$STEP_DIR/data.tsv"
    exit 0
fi
for list in items lacking wrong; do : > "$STEP_DIR/$list"; done
while IFS="$tab" read -r id what when holds without; do
    [ "$when" = "$2" ] || continue
    held "$id"
    if [ -z "$is" ]; then state=lacking
    elif printf '%s\n' "$is" | grep -Eq -e "$holds"; then state=there
    else state=wrong; fi
    [ "$state" = there ] || printf '%s\n' "$what ($id): $without" >> "$STEP_DIR/$state"
    printf '%s\t%s\t%s\t%s\t%s\n' "$id" "$what" "$state" "$is" "$holds" >> "$STEP_DIR/items"
done < "$STEP_DIR/data.tsv"
printf '{"items": '
rows 'id what state is holds' < "$STEP_DIR/items"
printf ', "lacking": '
rows < "$STEP_DIR/lacking"
printf ', "wrong": '
rows < "$STEP_DIR/wrong"
printf '}\n'
sed 's/^/lacking: /' "$STEP_DIR/lacking" >&2
sed 's/^/wrong: /' "$STEP_DIR/wrong" >&2
