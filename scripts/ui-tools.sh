#!/bin/sh
# What `make test-ui` and `make screenshots` need: a browser with its driver, and axe-core from npm in one directory and nowhere else.
# In: the directory. Out: nothing, or what is missing and how to get it; in CI, as root on Debian, it gets it.
set -eu
dir=$1
axe=4.14.1

missing=
[ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -n "${CHROMEDRIVER:-}" ] || command -v chromedriver >/dev/null 2>&1 || missing="$missing chromium-driver"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
if [ -n "$missing" ] && [ -n "${CI_INSTALLS:-}" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
    missing=
fi
if [ -n "$missing" ]; then
    echo "make: missing:$missing. On Debian: apt-get install$missing" >&2
    echo "make: a browser elsewhere is named by CHROMIUM=/path and CHROMEDRIVER=/path" >&2
    exit 1
fi
if [ "$(cat "$dir/versions" 2>/dev/null)" = "$axe" ]; then exit 0; fi
mkdir -p "$dir"
npm install --prefix "$dir" --no-audit --no-fund --ignore-scripts "axe-core@$axe"
echo "$axe" > "$dir/versions"
