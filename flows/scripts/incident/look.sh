# look.sh WHAT RUN [MORE…]: what the program itself says of a run, as JSON; nothing of that run is read behind its back.
# RUN is a name as `list` has it, or a path to a run's directory. What the program finds is no failure of this step.
. "$FLOWS/scripts/json.sh"
. "$FLOWS/scripts/incident/lib.sh"
what=$1
of_run "$2"
shift 2
mkdir -p "$STEP_DIR"
code=0
program "$what" "$name" "$@" > "$STEP_DIR/said" 2> "$STEP_DIR/error" || code=$?
if [ ! -s "$STEP_DIR/said" ]; then
    cat "$STEP_DIR/error" >&2
    exit "$code"
fi
# That it cannot say something of this run is an answer too: a run of another program has no status. Every name is there then.
if sed -n 2p "$STEP_DIR/said" | grep -q '^  "error": {'; then
    sed '1s/{/{"report": null, "verdict": null, "headline": "", "flows": [], "questions": [], "contradictions": [], "unknowns": [],/' "$STEP_DIR/said"
else
    cat "$STEP_DIR/said"
fi
