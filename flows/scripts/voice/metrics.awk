# Samples, sorted by name and figure, to a table: how many, their mean, their P95. P95 is the sample at rank ceil(0.95 n): the smallest
# figure that at least 95 of 100 samples do not pass, by nearest rank; nothing is made up between two samples.
function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
$1 == "!unread" { unread++; next }
!($1 in count) { name[++names] = $1 }
{ count[$1]++; sum[$1] += $2; sample[$1, count[$1]] = $2; total++ }
END {
    printf "| what | samples | mean (ms) | P95 (ms) |\n| --- | ---: | ---: | ---: |\n" > table
    printf "{\"rows\": ["
    for (i = 1; i <= names; i++) {
        n = count[name[i]]
        rank = int((95 * n + 99) / 100)
        mean = sprintf("%.2f", sum[name[i]] / n)
        p95 = sprintf("%.2f", sample[name[i], rank])
        shown = name[i]
        gsub(/\|/, "/", shown)
        printf "| %s | %d | %s | %s |\n", shown, n, mean, p95 > table
        printf "%s{\"name\": %s, \"count\": %d, \"mean_ms\": %s, \"p95_ms\": %s}", (i > 1 ? ", " : ""), quoted(name[i]), n, mean, p95
    }
    printf "], \"not_measured\": ["
    many = split(wanted, want, " ")
    between = ""
    for (i = 1; i <= many; i++) if (!(want[i] in count)) {
        printf "| %s | 0 | not measured | not measured |\n", want[i] > table
        printf "%s%s", between, quoted(want[i])
        between = ", "
    }
    printf "], \"total\": %d, \"unread\": %d, \"begun_anew\": %s}\n", total, unread, anew
    printf "| all | %d | | |\n", total > table
}
