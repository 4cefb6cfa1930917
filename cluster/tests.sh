#!/usr/bin/env bash
# Runs the tests that have been built: those without processes side by side; then twice two lines of targets that start servers, beside each other;
# then, each by itself, those that measure or count on short leases, so that none waits for a machine that others keep busy.
set -euo pipefail
cd "$(dirname "$0")/.."

waiting=(AdministrationTests HostsTests RedisClientTests PostgresClientTests WorkerTests)
starting=(GatewayTests ClusterTLSTests StoreTests CommissionOracleTests ImportTests OperatorTests BenchTests)
attacking=(HostileTests UpTests JobQueueRedisTests)
paying=(LedgerTests HandoffTests)
alone=(ClusterTests LoadEngineTests LoadTestTests LoadAgentTests)

others=("${waiting[@]}" "${starting[@]}" "${attacking[@]}" "${paying[@]}" "${alone[@]}")
cluster/quietly.sh 1 swift test --skip-build --skip "^($(IFS='|'; echo "${others[*]}"))\."

# The tests themselves: `swift test` lets only one run at a time.
tests=$(echo "$(swift build --show-bin-path)"/*PackageTests.xctest)
run() {
    local target
    for target; do
        cluster/quietly.sh 1 "$tests" --testing-library swift-testing --no-parallel --filter "^$target\." || return 1
    done
}

# Two lines of targets, named by their variables, beside each other.
beside() {
    local -n first=$1 second=$2
    local failed=0
    run "${first[@]}" & local line=$!
    # Both are waited for: nothing may run on after the first failure.
    run "${second[@]}" || failed=1
    wait "$line" || failed=1
    return "$failed"
}
beside waiting starting
beside attacking paying
run "${alone[@]}"
