#!/bin/sh
# The tests that luck has a part in, with more of it than `make test` has time for: the kernel's properties from SEEDS other seeds
# (CASES random flows each), and every kill of a runbook in a run of its own. Ends at the first that fails, and says its seed.
# In: SEEDS (8), CASES (2000), FIRST (the first seed; the date and the time unless given).
set -eu
cd "$(dirname "$0")/.."
seeds=${SEEDS:-8}
seed=${FIRST:-$(date +%s)}
last=$((seed + seeds))
while [ "$seed" -lt "$last" ]; do
  echo "== random flows, seed $seed"
  PROPTEST_RNG_SEED=$seed PROPTEST_CASES=${CASES:-2000} cargo test --locked --quiet --lib properties ||
    { echo "soak: seed $seed failed: make soak FIRST=$seed SEEDS=1" >&2; exit 1; }
  seed=$((seed + 1))
done
echo "== every kill in a run of its own"
tests=$(grep -l 'kill_each\.rs' tests/*.rs | sed 's|tests/\(.*\)\.rs|--test \1|')
# shellcheck disable=SC2086
KILLS=apart cargo test --locked --quiet $tests killed || { echo "soak: the kill is named above; once more without the flows: make soak SEEDS=0" >&2; exit 1; }
