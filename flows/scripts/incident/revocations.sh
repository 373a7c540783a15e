# revocations.sh: for each kind on standard input (a rule of `scan`, a cause of `diagnose`), once: what it is, where it is revoked,
# how a new one comes in. A line `cause ID` counts only where the table knows that cause. The table is flows/data/secret-kinds.tsv.
. "$FLOWS/scripts/json.sh"
printf '{"kinds": ['
between=
sort -u | while read -r kind; do
    if [ -z "$kind" ]; then continue; fi
    cause=
    case $kind in 'cause '*) kind=${kind#cause } cause=yes ;; esac
    while IFS="$(printf '\t')" read -r pattern what where new; do
        case $cause$pattern in '#'* | '' | 'yes#'* | 'yes*' | yes) continue ;; esac
        # shellcheck disable=SC2254
        case $kind in
            $pattern)
                printf '%s{"kind": %s, "what": %s, ' "$between" "$(json_string "$kind")" "$(json_string "$what")"
                printf '"where": %s, "new": %s}' "$(json_string "$where")" "$(json_string "$new")"
                between=', '
                break ;;
        esac
    done < "$FLOWS/data/secret-kinds.tsv"
done
printf ']}\n'
