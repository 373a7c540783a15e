#!/bin/sh
# One of the commands of operations.conf. In: its name. Out: what it prints, and its exit code.
set -eu
. "$FLOWS/scripts/change/lib.sh"
outer "$1"
