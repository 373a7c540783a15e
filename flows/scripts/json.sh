# Sourced by the other scripts: texts as JSON, and the tracked files that can be read.

# json_string TEXT: the text between quotes, escaped.
json_string() {
    printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# json_strings: one JSON list of the lines of standard input.
json_strings() {
    printf '['
    between=
    while IFS= read -r line; do
        printf '%s' "$between"
        json_string "$line"
        between=', '
    done
    printf ']'
}

# tracked [PATHSPEC…]: the regular files that git tracks here, one per line. A name that git has to quote is left out.
tracked() {
    git -c core.quotepath=off ls-files -- "$@" | grep -v '^"' | uniq | while IFS= read -r file; do
        if [ -f "$file" ] && [ ! -L "$file" ]; then printf '%s\n' "$file"; fi
    done
}
