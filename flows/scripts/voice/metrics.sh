#!/bin/sh
# How long things took, from the log in which the service measures itself. In: `lines` says only how many lines it has; else PARAM_SKIP, the
# lines that are not of this call. Out: metrics.md, and JSON. Never: a figure for what has no samples.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
outer metrics > "$STEP_DIR/metrics.log"
lines=$(wc -l < "$STEP_DIR/metrics.log" | tr -d ' ')
if [ "${1:-}" = lines ]; then echo "{\"lines\": $lines}"; exit 0; fi
mkdir -p "$ARTIFACTS"
anew=false skip=$PARAM_SKIP
if [ "$lines" -lt "$skip" ]; then anew=true skip=0; fi
tail -n "+$((skip + 1))" "$STEP_DIR/metrics.log" > "$STEP_DIR/new.log"
LC_ALL=C awk -v name="$(setting metrics-name)" -v ms="$(setting metrics-ms)" -f "$FLOWS/scripts/voice/samples.awk" "$STEP_DIR/new.log" \
    | LC_ALL=C sort -t "$tab" -k 1,1 -k 2,2n > "$STEP_DIR/samples.tsv"
LC_ALL=C awk -F '\t' -v wanted="$(setting metrics-wanted)" -v anew="$anew" -v table="$ARTIFACTS/metrics.md" \
    -f "$FLOWS/scripts/voice/metrics.awk" "$STEP_DIR/samples.tsv"
