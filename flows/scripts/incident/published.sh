# published.sh: for each path on standard input, which commits of this repository touched it, and whether any of them is known to be
# on a remote. Nothing is fetched; what the remote-tracking branches say is said.
. "$FLOWS/scripts/json.sh"
if ! git rev-parse --git-dir > /dev/null 2>&1; then
    echo '{"repository": false, "recent": [], "paths": []}'
    exit 0
fi
printf '{"repository": true, "recent": '
git log --remotes --format='%h %ad %an: %s' --date=short -n 20 2> /dev/null | json_strings
printf ', "paths": ['
between=
sort -u | while IFS= read -r path; do
    if [ -z "$path" ]; then continue; fi
    commits=$(git log --all --format=%h -- "$path" 2> /dev/null | wc -l | tr -d ' ')
    out=$(git log --remotes --format=%h -- "$path" 2> /dev/null | wc -l | tr -d ' ')
    printf '%s{"path": %s, "commits": %s, "on_a_remote": %s}' "$between" "$(json_string "$path")" "$commits" "$out"
    between=', '
done
printf ']}\n'
