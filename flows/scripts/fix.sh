# Sourced by the detours' scripts: what failed, and how to say that a fix is not possible here.
# FAILED_STEP, FAILED_ERROR and FAILED_ARTIFACTS come from the step whose failure is to be mended.

# blocked SENTENCE: the fix cannot even be tried; the sentence says what is missing and how to get it.
blocked() {
    echo "blocked: $1" >&2
    exit 1
}

# need TOOL HOW: the tool is on PATH, or we are blocked and the reader knows how to get it.
need() {
    command -v "$1" > /dev/null 2>&1 || blocked "$1 is not installed; $2"
}

# The words of the failure that name an existing file with this ending, inside the workspace or the run. One per line.
failed_files() {
    inside=$(pwd -P)
    base=$(cd "$RUN_BASE" && pwd -P)
    printf '%s\n' "$FAILED_ERROR" | tr -s " \t:,;\"'\`()" '\n' | grep "$1\$" | sort -u | while IFS= read -r file; do
        [ -f "$file" ] || continue
        directory=$(cd "$(dirname "$file")" && pwd -P)
        case $directory/ in "$inside"/* | "$base"/*) printf '%s\n' "$file" ;; esac
    done
}
