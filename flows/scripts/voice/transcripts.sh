#!/bin/sh
# What was written down of the call, held against what was said in it. In: the command `transcripts`, the file `said`. Out: JSON: each
# sentence with how much of it is there, in percent. Exit code 1: nothing was written down, or a sentence is below `agreement`.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
mkdir -p "$STEP_DIR"
surroundings
outer transcripts > "$STEP_DIR/transcripts.tsv"
cut -f 2- "$STEP_DIR/transcripts.tsv" > "$STEP_DIR/heard.txt"
awk -v least="$(setting agreement)" -f "$FLOWS/scripts/voice/agreement.awk" "$SAID" "$STEP_DIR/heard.txt"
