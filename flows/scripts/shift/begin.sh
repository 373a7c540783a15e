# begin.sh: the shift begins, in the log. In: the start-up checks on standard input, `ID <tab> STATE <tab> TITLE <tab> SAID` a line.
set -eu
. "$FLOWS/scripts/shift/lib.sh"
mkdir -p "$STEP_DIR" "$ARTIFACTS"
tab=$(printf '\t')
while IFS=$tab read -r id state title said; do
    [ -n "$id" ] || continue
    printf -- '- %s: %s (%s)\n' "$state" "$title" "$said"
done > "$STEP_DIR/checks"
{ echo "In the name of: $1"; echo; cat "$STEP_DIR/checks"; } | entry begin "the shift begins"
echo begun
