# preserve.sh RUN: no cleaning up takes this run away, until a person releases it.
. "$FLOWS/scripts/incident/lib.sh"
of_run "$1"
program retention hold "$name" --reason "incident-security, run $RUN_ID" > /dev/null
echo "held"
