# cancel.sh RUN: stops a run for good. What it has written stays as it is.
. "$FLOWS/scripts/incident/lib.sh"
of_run "$1"
program cancel "$name" > /dev/null
echo "stopped"
