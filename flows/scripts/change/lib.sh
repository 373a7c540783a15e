# Sourced by the scripts of `change`: the commands that reach the outer systems, fixed by the step `ready`.
# 69 is BLOCKED: the last line says what is missing.
blocked() { echo "$*" >&2; exit 69; }

# command_of NAME: how this place does something, or nothing.
command_of() { sed -n "s/^$1 *= *//p" "$RUN_BASE/$FLOW/work/ready/operations.conf" | head -n 1; }

# outer NAME: does it, with no input.
outer() { sh -euc "$(command_of "$1")" < /dev/null; }
