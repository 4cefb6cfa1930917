#!/usr/bin/env bash
# Fuzzes the readers of bytes from outside: cluster/fuzz.sh [seconds for each] (15). Fails with the input that broke one.
#
# All run at once. Only the files needed are compiled, with the coverage that libFuzzer wants, so the product's own build stays as it is. Inputs that were worth
# keeping are in .build/fuzz/corpus-*; one that breaks something is left in .build/fuzz and belongs into a test.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-15}
out=.build/fuzz
mkdir -p "$out"

# module MODULE FILE…
module() {
    local name=$1
    shift
    swiftc -O -wmo -swift-version 6 -sanitize=fuzzer -parse-as-library -package-name fature -module-name "$name" -I "$out" -I Sources/CNGHTTP2 -I Sources/CLinux \
        -emit-module -emit-module-path "$out/$name.swiftmodule" -c -o "$out/$name.o" "$@"
}

# target NAME MODULE…
target() {
    local name=$1 objects=()
    shift
    local each
    for each in "$@"; do objects+=("$out/$each.o"); done
    swiftc -O -swift-version 6 -sanitize=fuzzer -parse-as-library -package-name fature -module-name "$name" -I "$out" -I Sources/CNGHTTP2 -I Sources/CLinux \
        "Tests/Fuzz/$name.swift" "${objects[@]}" -o "$out/$name"
}

module Core $(find Sources/Core -name '*.swift')
module Frames Sources/Frames/*.swift
module Dataset Sources/Dataset/CSV/CSV{Reader,Record}.swift
module HTTP2 Sources/HTTP2/*.swift
module Gateway Sources/Gateway/Routing/*.swift Sources/Gateway/Requests/Transactions/Transaction{Fault,Fields,Items,Parser}.swift
target FuzzFrames Core Frames
target FuzzTargets Core Frames HTTP2 Gateway
target FuzzHTTP2 Core HTTP2
target FuzzTransactions Core Frames HTTP2 Gateway
target FuzzCSV Dataset

cat > "$out/targets.dict" <<'DICT'
"/api/v2/affiliates/"
"/network?"
"/statuses?"
"/api/v2/rankings?"
"depth="
"limit="
"status=banned"
"cursor=1-2-3"
"metric=network_size"
"/commissions?"
"/api/v2/commissions/1-1/status"
"/api/v2/transactions/"
"from=2026-01-31T12%3A00:00Z"
"cursor=1769850000000001_5_-2_12_-3.50"
DICT
cat > "$out/transactions.dict" <<'DICT'
"{\"affiliate_id\":1,\"type\":\"deposit\",\"amount\":\"1.5\",\"external_transaction_id\":\"a\""
",\"winnings\":\"0.25\""
",\"type\":\"bet\""
",\"currency\":\"BRL\""
",\"date\":\"2026-01-31T12:00:00Z\""
",\"commission_eligible\":true"
",\"metadata\":{\"a\":[1e5,null]}"
"\\ud83d\\ude00"
"\\u0000"
DICT

pids=()
for name in FuzzFrames FuzzTargets FuzzHTTP2 FuzzCSV FuzzTransactions; do
    mkdir -p "$out/corpus-$name"
    extra=()
    [ "$name" = FuzzTargets ] && extra=("-dict=$out/targets.dict")
    [ "$name" = FuzzTransactions ] && extra=("-dict=$out/transactions.dict")
    "$out/$name" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=1024 -artifact_prefix="$out/$name-" -print_final_stats=1 \
        "${extra[@]}" "$out/corpus-$name" > "$out/$name.log" 2>&1 &
    pids+=("$name:$!")
done
status=0
for entry in "${pids[@]}"; do
    name=${entry%%:*}
    if wait "${entry##*:}"; then
        echo "$name: $(awk '/number_of_executed_units/ { print $2 }' "$out/$name.log") inputs, nothing broke"
    else
        echo "$name broke; its output ends:"
        tail -30 "$out/$name.log"
        status=1
    fi
done
exit $status
