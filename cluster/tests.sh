#!/usr/bin/env bash
# Runs the tests that have been built: those without processes side by side; then two lines of targets that start servers and mostly wait for
# them, beside each other; then, each by itself, those that measure or load, so that none waits for a machine that others keep busy.
set -euo pipefail
cd "$(dirname "$0")/.."

waiting=(AdministrationTests HostsTests RedisClientTests PostgresClientTests WorkerTests)
starting=(GatewayTests ClusterTLSTests StoreTests CommissionOracleTests ImportTests OperatorTests BenchTests)
alone=(JobQueueRedisTests UpTests HostileTests ClusterTests HandoffTests LedgerTests LoadEngineTests LoadTestTests LoadAgentTests)

together=$(IFS='|'; echo "${waiting[*]}|${starting[*]}|${alone[*]}")
cluster/quietly.sh 1 swift test --skip-build --skip "^($together)\."

# The tests themselves: `swift test` lets only one run at a time.
tests=$(echo "$(swift build --show-bin-path)"/*PackageTests.xctest)
run() {
    local target
    for target; do
        cluster/quietly.sh 1 "$tests" --testing-library swift-testing --no-parallel --filter "^$target\." || return 1
    done
}
run "${waiting[@]}" & line=$!
# Both are waited for: nothing may run on after the first failure.
failed=0
run "${starting[@]}" || failed=1
wait "$line" || failed=1
((failed == 0))
run "${alone[@]}"
