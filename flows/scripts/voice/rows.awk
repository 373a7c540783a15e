# Lines with tabs between as a JSON list of objects, or, without `names`, of whole lines as texts. Control characters are left out.
function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/[\001-\037]/, " ", text); return "\"" text "\"" }
BEGIN { FS = "\t"; many = split(names, name, " "); printf "[" }
{
    printf "%s", (NR > 1 ? ", " : "")
    if (!many) { printf "%s", quoted($0); next }
    for (i = 1; i <= many; i++) printf "%s\"%s\": %s", (i > 1 ? ", " : "{"), name[i], quoted($i)
    printf "}"
}
END { printf "]" }
