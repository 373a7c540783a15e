#!/bin/sh
# Applies what the type checker itself is sure of. Whatever it only suspects is work for an author.
set -eu
. "$FLOWS/scripts/fix.sh"

if [ -f Cargo.toml ]; then
    need cargo 'https://rustup.rs'
    case $MODE in
        # It complains of what it could not mend; the check below says what is left.
        fix) cargo fix --quiet --broken-code --allow-dirty --allow-staged --allow-no-vcs --all-targets > /dev/null 2>&1 || true ;;
        check) cargo check --quiet --all-targets || blocked 'the compiler has no sure fix for the rest; an author has to look' ;;
    esac
elif [ -f tsconfig.json ]; then
    PATH=$PWD/node_modules/.bin:$PATH
    need tsc 'npm install --save-dev typescript'
    case $MODE in
        # Missing declarations come with the packages that package.json names; nothing else is sure.
        fix) if [ -f package.json ]; then need npm 'install Node.js with npm' && npm install --no-audit --no-fund --silent; fi ;;
        check) tsc --noEmit || blocked 'tsc has no sure fix for the rest; an author has to look' ;;
    esac
else
    need mypy 'pip install mypy'
    case $MODE in
        fix) mypy --install-types --non-interactive . > /dev/null || true ;;
        check) mypy . || blocked 'mypy has no sure fix for the rest; an author has to look' ;;
    esac
fi
