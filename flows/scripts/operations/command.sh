# command.sh NAME: one of the commands of operations.conf. Out: what it prints, and its exit code.
set -eu
. "$FLOWS/scripts/operations/lib.sh"
outer "$1"
