# A stand-in for the command of a provider; the state of the accounts lies in files below `cloud`.
set -eu
cd "$(dirname "$0")/../cloud"
case $1 in
    profile) cat profile ;;
    recent)
        if [ -p recent-gate ]; then cat recent-gate > /dev/null; fi
        echo "yesterday: the hold music of acme" ;;
    check)
        if [ -e "red-$2" ]; then echo "$2: status 500" >&2; exit 1; fi
        echo "$2: as it should be" ;;
    redeploy)
        echo "deployed by $PARAM_CLIENT" >> deployed
        rm -f red-answers
        echo new > live; echo new > sources
        if [ -e bleeds ]; then echo moved >> others; fi ;;
    restore) echo restored >> deployed; cp known others ;;
esac
