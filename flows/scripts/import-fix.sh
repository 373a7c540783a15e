#!/bin/sh
# A module that code imports is not there: installs it if the project declares it. A name that only stands in an error
# message is never installed; it may be a typing mistake, or somebody's trap.
set -eu
. "$FLOWS/scripts/fix.sh"

if says 'unused import' && [ -f Cargo.toml ]; then
    need cargo 'https://rustup.rs'
    case $MODE in
        fix) cargo fix --quiet --allow-dirty --allow-staged --all-targets ;;
        check) ! cargo check --quiet --all-targets 2>&1 | grep -q 'unused import' ;;
    esac
elif says 'F401|I001'; then
    need ruff 'pip install ruff'
    case $MODE in
        fix) ruff check --quiet --select F401,I --fix . ;;
        check) ruff check --quiet --select F401,I . ;;
    esac
elif says 'ModuleNotFoundError|No module named'; then
    module=$(quoted 'No module named')
    [ -n "$module" ] || blocked 'the failure does not name the module'
    need python3 'install Python 3'
    need pip 'python3 -m ensurepip'
    if [ "$MODE" = check ]; then
        python3 -c 'import importlib, sys; importlib.import_module(sys.argv[1])' "$module"
    elif [ -f requirements.txt ] && declared "${module%%.*}" requirements.txt; then
        pip install --quiet --requirement requirements.txt
    elif [ -f pyproject.toml ] && declared "${module%%.*}" pyproject.toml; then
        pip install --quiet --editable .
    else
        blocked "no requirements.txt or pyproject.toml declares ${module%%.*}; if it is meant, add the package that holds it"
    fi
else
    module=$(quoted 'Cannot find [a-z]*')
    [ -n "$module" ] || blocked 'the failure does not name the module'
    case $module in
        .* | /*) blocked "$module is a file of the project and not a package; it was moved, or never written" ;;
        @*) package=$(printf '%s' "$module" | cut -d/ -f1-2) ;;
        *) package=${module%%/*} ;;
    esac
    need node 'install Node.js'
    need npm 'install Node.js with npm'
    if [ "$MODE" = check ]; then
        node -e 'require.resolve(process.argv[1], { paths: [process.cwd()] })' "$package"
    elif declared "$package" package.json; then
        npm install --no-audit --no-fund --silent
    else
        blocked "package.json does not declare $package; if it is meant: npm install $package"
    fi
fi
