#!/bin/sh
# Fixes settings and tables for the rest of the run. In: PARAM_CONF, flows/data/voice.conf, the name of the directory, and as arguments the
# settings that must have a value. Out: voice.conf, voice.env, the tables; what they come to, as JSON. As a part of another flow it takes
# what that one fixed. Never: a line taken that nothing reads.
set -eu
. "$FLOWS/scripts/voice/lib.sh"
if [ "$main" != "$here" ]; then
    cat "$fixed/settings.json"
    exit 0
fi
mkdir -p "$STEP_DIR"
: > "$STEP_DIR/wrong"
own=/dev/null
if [ -f "$PARAM_CONF" ]; then own=$PARAM_CONF; fi
awk -v wrong="$STEP_DIR/wrong" -v must="$*" -v conf="$PARAM_CONF" -v directory="$(basename "$(pwd -P)")" \
    -v env="$STEP_DIR/voice.env" -v json="$STEP_DIR/settings.json" -f "$FLOWS/scripts/voice/settings.awk" "$FLOWS/data/voice.conf" "$own" > "$STEP_DIR/voice.conf"
for kind in points:6 errors:3 data:5; do
    name=${kind%:*}
    file=$(setting "$name")
    file=${file:-$FLOWS/data/voice-$name.tsv}
    if [ ! -f "$file" ]; then echo "$file: no such file (\`$name\` in $PARAM_CONF)" >> "$STEP_DIR/wrong"; continue; fi
    awk -F '\t' -v file="$file" -v fields="${kind#*:}" \
        '!/^#/ && NF != fields { printf "%s:%d: %d columns with tabs between, not %d\n", file, NR, NF, fields }' "$file" >> "$STEP_DIR/wrong"
    cat "$file" > "$STEP_DIR/voice-$name.tsv"
done
if [ -f "$STEP_DIR/voice-points.tsv" ]; then
    awk -F '\t' -v conf="$PARAM_CONF" '
        FILENAME == ARGV[1] { if (match($0, /^log\.[^ ]+ = ./)) { split($0, part, " "); log_of[part[1]] = 1 } next }
        /^#/ { next }
        { row[$1] = $3 }
        END {
            many = split("placed connected webhook tunnel received caller answer stream engines audio transcript ended", id, " ")
            for (i = 1; i <= many; i++) {
                if (!(id[i] in row)) printf "the table of points has no row `%s`\n", id[i]
                else if (!(("log." row[id[i]]) in log_of)) printf "point `%s` looks into `%s`: write `log.%s = …` into %s\n", id[i], row[id[i]], row[id[i]], conf
            }
        }' "$STEP_DIR/voice.conf" "$STEP_DIR/voice-points.tsv" >> "$STEP_DIR/wrong"
fi
if [ -s "$STEP_DIR/wrong" ]; then
    cat "$STEP_DIR/wrong" >&2
    rm -f "$STEP_DIR/settings.json"
    # The last line is what whoever reads the run sees first: all of it.
    blocked "$(awk 'NR > 1 { printf "; " } { printf "%s", $0 }' "$STEP_DIR/wrong")"
fi
cat "$STEP_DIR/settings.json"
