# Sourced by the scripts of the detours. What is to be mended: FAILED_STEP, FAILED_ERROR, FAILED_ARTIFACTS.
# MODE is `fix`, or `check`: whether the fix took.

# blocked SENTENCE: the fix cannot be done here; the sentence says what is missing and how to get it.
# Exit code 69 makes the step BLOCKED: a person is asked, and can say `retry` once it is there.
blocked() {
    echo "$1" >&2
    exit 69
}

# need TOOL HOW: the tool is on PATH; else we are blocked, and the reader knows how to get it.
need() {
    command -v "$1" > /dev/null 2>&1 || blocked "$1 is not installed; $2"
}

# says PATTERN: the failure speaks of it.
says() {
    printf '%s\n' "$FAILED_ERROR" | grep -qiE -e "$1"
}

# quoted BEFORE: the first word between quotes that follows BEFORE in the failure, if it is a plain name.
quoted() {
    printf '%s\n' "$FAILED_ERROR" | sed -n "s|.*$1 *['\"\`]\\([A-Za-z0-9@_./-]*\\)['\"\`].*|\\1|p" | head -n 1
}

# failed_words PATTERN: the words of the failure that match, each once, one per line.
failed_words() {
    printf '%s\n' "$FAILED_ERROR" | tr -s " \t:,;\"'\`()[]" '\n' | grep -E -e "$1" | sort -u || true
}

# The same, but only files that are there, inside the workspace or the run.
failed_files() {
    inside=$(pwd -P)
    base=$(cd "$RUN_BASE" && pwd -P)
    failed_words "$1" | while IFS= read -r file; do
        [ -f "$file" ] || continue
        case $(cd "$(dirname "$file")" && pwd -P)/ in "$inside"/* | "$base"/*) printf '%s\n' "$file" ;; esac
    done
}

rust_edition() {
    edition=$(sed -n 's/^edition *= *"\([0-9]*\)".*/\1/p' Cargo.toml 2> /dev/null | head -n 1)
    echo "${edition:-2021}"
}

# declared NAME FILE…: one of the project's own lists names the package.
declared() {
    name=$(printf '%s' "$1" | tr '_' '-')
    shift
    for list in "$@"; do
        if [ -f "$list" ] && tr '_' '-' < "$list" | grep -qiE -e "(^|[\" '])$name([\"' <>=~!;,\[]|\$)"; then return 0; fi
    done
    return 1
}
