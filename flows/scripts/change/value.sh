#!/bin/sh
# What is live is what whoever asked believes. In: PARAM_CURRENT, the command `value`. Out: the value.
set -eu
. "$FLOWS/scripts/change/lib.sh"
value=$(outer value)
printf %s "$value"
if [ -n "${PARAM_CURRENT:-}" ] && [ "$value" != "$PARAM_CURRENT" ]; then
    echo "it is not \`$PARAM_CURRENT\` now; ask whoever wants the change" >&2
    exit 1
fi
