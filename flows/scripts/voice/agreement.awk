# How many words of each sentence of the first file are in the second one, in the same order: the longest common sequence of both whole
# texts, counted for each sentence. Case and signs do not count. Out: JSON. Exit code 1: below `least` percent, or nothing to hold against.
function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/[\t\r]/, " ", text); return "\"" text "\"" }
function words(text) { text = tolower(text); gsub(/['’]/, "", text); gsub(/[^a-z0-9\200-\377]+/, " ", text); sub(/^ /, "", text); return text }
FILENAME == ARGV[1] && NF {
    sentence[++sentences] = $0
    count = split(words($0), part, " ")
    for (i = 1; i <= count; i++) { said[++said_words] = part[i]; of[said_words] = sentences; size[sentences]++ }
}
FILENAME != ARGV[1] && NF {
    segments++
    whole = whole (segments > 1 ? " / " : "") $0
    count = split(words($0), part, " ")
    for (i = 1; i <= count; i++) heard[++heard_words] = part[i]
}
END {
    for (i = said_words; i >= 1; i--) for (j = heard_words; j >= 1; j--)
        long[i, j] = said[i] == heard[j] ? long[i + 1, j + 1] + 1 : (long[i + 1, j] + 0 >= long[i, j + 1] + 0 ? long[i + 1, j] : long[i, j + 1]) + 0
    for (i = j = 1; i <= said_words && j <= heard_words;) {
        if (said[i] == heard[j]) { hit[of[i]]++; all++; i++; j++ }
        else if (long[i + 1, j] + 0 >= long[i, j + 1] + 0) i++
        else j++
    }
    printf "{\"segments\": %d, \"words_said\": %d, \"words_heard\": %d, \"words_beside\": %d, \"least\": %d, ", segments, said_words, heard_words, heard_words - all, least
    printf "\"heard\": %s, \"sentences\": [", quoted(whole)
    lowest = 100
    for (i = 1; i <= sentences; i++) {
        percent = size[i] ? int(100 * hit[i] / size[i]) : 100
        if (percent < lowest) { lowest = percent; worst = sentence[i] }
        printf "%s{\"said\": %s, \"percent\": %d}", (i > 1 ? ", " : ""), quoted(sentence[i]), percent
    }
    printf "], \"lowest\": %d}\n", sentences && segments ? lowest : 0
    if (!sentences) { print "nothing is said in the call" > "/dev/stderr"; exit 1 }
    if (!segments) { print "nothing was written down of the call. Look at: the worker, and the key of the model provider" > "/dev/stderr"; exit 1 }
    if (lowest < least) {
        printf "of `%s` %d %% of the words were written down, less than %d %%; written down is: %s\n", worst, lowest, least, whole > "/dev/stderr"
        exit 1
    }
}
