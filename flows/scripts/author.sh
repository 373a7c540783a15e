#!/bin/sh
# The author: gives the line that names the licence to the next few files that lack it. Small steps, on purpose.
set -eu
cd "$ARTIFACTS/scratch"
licence=$(cat "$ARTIFACTS/licence.txt")
mkdir -p "$STEP_DIR"
left=$PARAM_PER_ROUND

while IFS= read -r file; do
    if [ "$left" -eq 0 ]; then break; fi
    if head -n 5 "$file" | grep -q 'SPDX-License-Identifier:'; then continue; fi
    case $file in
        *.py | *.sh) line="# SPDX-License-Identifier: $licence" ;;
        *) line="// SPDX-License-Identifier: $licence" ;;
    esac
    # `#!/bin/sh` has to stay the first line.
    awk -v line="$line" 'NR == 1 && /^#![^[]/ { print; print line; next } NR == 1 { print line } { print } END { if (NR == 0) print line }' \
        "$file" > "$STEP_DIR/new"
    cat "$STEP_DIR/new" > "$file"
    echo "wrote $file"
    left=$((left - 1))
done < "$ARTIFACTS/targets.txt"
echo "round $ITERATION done"
