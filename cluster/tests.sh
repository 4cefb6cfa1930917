#!/usr/bin/env bash
# Runs the tests that have been built: those without processes side by side, then each target that starts servers by itself and one test
# after the other, so that none waits for a machine that others keep busy.
set -euo pipefail
cd "$(dirname "$0")/.."

alone=(StoreTests CommissionOracleTests ImportTests PostgresClientTests RedisClientTests JobQueueRedisTests WorkerTests BenchTests UpTests HostileTests OperatorTests ClusterTests HandoffTests LedgerTests LoadEngineTests LoadTestTests LoadAgentTests HostsTests)

together=$(IFS='|'; echo "${alone[*]}")
cluster/quietly.sh 1 swift test --skip-build --skip "^($together)\."
for target in "${alone[@]}"; do
    cluster/quietly.sh 1 swift test --skip-build --no-parallel --filter "^$target\."
done
