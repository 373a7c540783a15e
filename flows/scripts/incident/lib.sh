# Sourced by the scripts of the incident runbooks.

# of_run RUN: sets `runs` and `name`, or says that there is no such run.
of_run() {
    case $1 in
        */*) runs=$(cd "$(dirname "$1")" && pwd) name=$(basename "$1") ;;
        *) runs=$(dirname "$RUN_BASE") name=$1 ;;
    esac
    if [ -z "$name" ] || [ ! -d "$runs/$name" ]; then
        echo "there is no run '$1' in $runs; flow-studio list names those that are there" >&2
        exit 1
    fi
}

# program …: this very program, on the directory in which that run lies.
program() { "$FLOW_STUDIO" --runs "$runs" --json --color never "$@"; }
