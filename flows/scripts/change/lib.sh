# Sourced by the scripts of `change`: the commands that reach the outer systems, as the step `ready` fixed them.
. "$FLOWS/scripts/held.sh"
# 69 is BLOCKED: the last line says what is missing.
blocked() { echo "$*" >&2; exit 69; }

names='profile value live sources others try tell apply undo smoke arrived'
fixed="$ARTIFACTS/commands.conf"

# command_of NAME: out of the text on standard input, how this place does something, or nothing.
command_of() { sed -n "s/^$1 *= *//p" | head -n 1; }

# outer NAME: does it, with no input, if the commands are those that were shown.
outer() {
    commands=$(held commands.conf "$1") || exit $?
    sh -euc "$(printf '%s\n' "$commands" | command_of "$1")" < /dev/null
}
