#!/bin/sh
# What is live: the version, and a digest of every file.
set -eu
cd "$(dirname "$0")/.."
if [ ! -d live ]; then echo nothing; exit 0; fi
find live -type f ! -path '*/__pycache__/*' | sort | while IFS= read -r file; do cksum "$file"; done
