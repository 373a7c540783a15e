# Lines of a log to samples `NAME<TAB>MILLISECONDS`. A line is JSON, or has `name=value` in it. One that names neither is no sample; one
# that has a name and no figure is counted as `!unread`, so that it is not lost in silence.
function of(field,    at, rest) {
    if (match($0, "\"" field "\"[ ]*:[ ]*")) {
        rest = substr($0, RSTART + RLENGTH)
        if (substr(rest, 1, 1) == "\"") { rest = substr(rest, 2); sub(/".*/, "", rest) } else sub(/[,} \t].*/, "", rest)
        return rest
    }
    if (match($0, "(^|[ \t])" field "=")) {
        rest = substr($0, RSTART + RLENGTH)
        if (substr(rest, 1, 1) == "\"") { rest = substr(rest, 2); sub(/".*/, "", rest) } else sub(/[ \t].*/, "", rest)
        return rest
    }
    return ""
}
{
    event = of(name)
    if (event == "") next
    figure = of(ms)
    if (figure ~ /^[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?$/) printf "%s\t%.6f\n", event, figure
    else print "!unread\t0"
}
