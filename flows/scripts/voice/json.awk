# Any JSON as lines `path<TAB>value`: calls.0.sid<TAB>CA1. Escapes of texts are left as they are but \" and \/.
{ text = text $0 "\n" }
END { at = 1; value("") }
function space() { while (substr(text, at, 1) ~ /[ \t\r\n]/) at++ }
function string(    from, c) {
    from = ++at
    while ((c = substr(text, at, 1)) != "\"" && c != "") { if (c == "\\") at++; at++ }
    c = substr(text, from, at - from)
    at++
    gsub(/\\"/, "\"", c); gsub(/\\\//, "/", c)
    return c
}
function value(path,    c, n, name, from) {
    space()
    c = substr(text, at, 1)
    if (c == "{" || c == "[") {
        at++
        for (n = 0; ; n++) {
            space()
            if (substr(text, at, 1) ~ /^[]}]?$/) { at++; return }
            if (n > 0) at++
            space()
            name = n
            if (c == "{") { name = string(); space(); at++ }
            value(path == "" ? name : path "." name)
        }
    } else if (c == "\"") {
        print path "\t" string()
    } else {
        from = at
        while (substr(text, at, 1) !~ /^[],} \t\r\n]?$/) at++
        print path "\t" substr(text, from, at - from)
    }
}
