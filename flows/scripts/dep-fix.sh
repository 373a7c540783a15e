#!/bin/sh
# Brings what is installed, and the lock file, in line with what the project declares. Nothing is added to the declarations.
set -eu
. "$FLOWS/scripts/fix.sh"

if [ -f Cargo.toml ] && says 'cargo|lock file|failed to select a version|Cargo\.(toml|lock)'; then
    need cargo 'https://rustup.rs'
    case $MODE in
        # Only what the manifests ask for: versions that still fit are kept. Without a network first.
        fix) cargo update --quiet --workspace --offline 2> /dev/null || cargo update --quiet --workspace ;;
        check) cargo metadata --quiet --locked --offline --format-version 1 > /dev/null || cargo metadata --quiet --locked --format-version 1 > /dev/null ;;
    esac
elif [ -f package.json ]; then
    need npm 'install Node.js with npm'
    case $MODE in fix) npm install --no-audit --no-fund --silent ;; check) npm ls --all > /dev/null ;; esac
elif [ -f requirements.txt ]; then
    need pip 'python3 -m ensurepip'
    case $MODE in fix) pip install --quiet --requirement requirements.txt ;; check) pip check > /dev/null ;; esac
elif [ -f pyproject.toml ]; then
    need pip 'python3 -m ensurepip'
    case $MODE in fix) pip install --quiet --editable . ;; check) pip check > /dev/null ;; esac
else
    blocked 'no Cargo.toml, package.json, requirements.txt or pyproject.toml here, so nothing says what should be installed'
fi
