#!/bin/sh
# A document has the sections that whoever reads it next looks for. In: its name in artifacts/, the headings.
set -eu
file=$ARTIFACTS/$1
shift
for section in "$@"; do
    grep -qxF "## $section" "$file" || { echo "the section \"## $section\" is missing" >&2; exit 1; }
done
echo "all sections are there"
