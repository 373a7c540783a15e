# The settings that hold: of the first file, those of the second one over them. Out: `name = value`, one line each; to `env`, the same for
# the commands; to `json`, what they come to; to `wrong`, every line that cannot be taken, and what of `must` has no value.
function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/\t/, " ", text); return "\"" text "\"" }
function word(text) { gsub(/'/, "'\\''", text); return "'" text "'" }
function capital(text) { text = toupper(text); gsub(/[-.]/, "_", text); return text }
{ sub(/\r$/, "") }
/^#/ || !NF { next }
!match($0, /^[a-z][a-z0-9.-]* *=/) { printf "%s:%d: not `name = value`\n", FILENAME, FNR > wrong; next }
{
    name = substr($0, 1, RLENGTH - 1)
    sub(/ *$/, "", name)
    text = substr($0, RLENGTH + 1)
    sub(/^[ \t]*/, "", text); sub(/[ \t]*$/, "", text)
    if (FILENAME == ARGV[1] || name ~ /^(log|port)\../) { if (!(name in value)) order[++many] = name }
    else if (!(name in value)) { printf "%s:%d: there is no setting `%s`\n", FILENAME, FNR, name > wrong; next }
    value[name] = text
}
END {
    for (i = 1; i <= many; i++) print order[i] " = " value[order[i]]
    number = value["number"]
    if (number == "" && match(directory, /[0-9]+$/)) number = substr(directory, RSTART)
    sub(/^0+/, "", number)
    lacks = ""
    count = split(must, name_of, " ")
    for (i = 1; i <= count; i++) if (value[name_of[i]] == "" && name_of[i] != "number") lacks = lacks (lacks == "" ? "" : ", ") name_of[i]
    if (lacks != "") printf "%s has no value for %s\n", conf, lacks > wrong
    if ((" " must " ") ~ / number / && (number !~ /^[1-9][0-9]?$/))
        printf "the directory `%s` gives no number from 1 to 99 at the end of its name; rename it, or write `number = …` into %s\n", directory, conf > wrong
    else if (number !~ /^[1-9][0-9]?$/) number = ""
    split("public-url webhook-path from to said api-url alerts-url", names, " ")
    for (i = 1; i in names; i++) printf "export %s=%s\n", capital(names[i]), word(value[names[i]]) > env
    printf "export WEBHOOK_URL=%s NUMBER=%s\n", word(value["public-url"] value["webhook-path"]), word(number) > env
    printf "{\"directory\": %s, \"number\": %s, \"from\": %s, ", quoted(directory), quoted(number), quoted(value["from"]) > json
    printf "\"to\": %s, \"public_url\": %s, \"ports\": [", quoted(value["to"]), quoted(value["public-url"]) > json
    ports = ""
    count = split(value["ports"], pair, " ")
    for (i = 1; i <= count; i++) {
        if (pair[i] !~ /^[a-z][a-z0-9-]*:[0-9]+$/) { printf "`ports`: `%s` is not `name:base`\n", pair[i] > wrong; continue }
        if (number !~ /^[0-9]+$/) continue
        split(pair[i], part, ":")
        ports = ports (ports == "" ? "" : " ") part[1] ":" (part[2] + number)
        printf "export PORT_%s=%d\n", capital(part[1]), part[2] + number > env
        printf "%s{\"name\": \"%s\", \"port\": %d}", (i > 1 ? ", " : ""), part[1], part[2] + number > json
    }
    printf "PORTS=%s\n", word(ports) > env
    print "]}" > json
}
