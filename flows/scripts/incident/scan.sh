# scan.sh RUN: secrets in all that a run has written. It stands where no path of the workspace can be taken for the run's name.
. "$FLOWS/scripts/json.sh"
. "$FLOWS/scripts/incident/lib.sh"
of_run "$1"
mkdir -p "$STEP_DIR"
cd "$STEP_DIR"
code=0
program scan "$name" || code=$?
case $code in 0 | 6) ;; *) exit "$code" ;; esac
