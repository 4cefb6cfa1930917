#!/usr/bin/env bash
# What a request costs workers, by how many there are: the processor time of all workers, divided by the requests of a load of a fixed rate. Flat means that
# more workers carry more load. Each number of workers is a cluster of its own, on hosts of network namespaces.
#
#   scaling.sh [--binary FILE] [--workers 1,2,4,8] [--rate 2000] [--seconds 30] [--network DEMO|NUMBER] [--scenario FILE]
#
# Leave the machine alone meanwhile. The rate is fixed and low enough for one machine, since all hosts share its cores: what is measured is the cost of a request,
# not how many there can be. Prints a Markdown table.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$here/../../.build/release/fature
counts=1,2,4,8
rate=2000
seconds=30
network=DEMO
scenario=
while (($# > 0)); do
    case $1 in
    --binary) binary=$(realpath "$2") && shift ;;
    --workers) counts=$2 && shift ;;
    --rate) rate=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --network) network=$2 && shift ;;
    --scenario) scenario=$(realpath "$2") && shift ;;
    *) sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}" >&2 && exit 64 ;;
    esac
    shift
done

until id=s$(printf '%04x' $RANDOM) && [[ ! -e /run/fature-netns/$id ]]; do :; done
# PostgreSQL's user has to get through to its own folder.
folder=$(mktemp -d /tmp/fature-scaling-XXXXXX) && chmod 711 "$folder"
finish() {
    local status=$?
    "$here/cluster.sh" down "$id" >/dev/null 2>&1 || true
    if ((status == 0)); then rm -rf "$folder"; else echo "scaling: logs are in $folder" >&2; fi
    exit "$status"
}
trap finish EXIT

if [[ -z $scenario ]]; then
    scenario=$folder/scenario.yaml
    cat >"$scenario" <<SCENARIO
name: scaling
warm_up: 5s
phases:
  - name: steady
    length: ${seconds}s
    shape: constant
    rate: $rate
operations:
  - name: network-5
    do: network
    depth: 5
    weight: 50
  - do: upline
    weight: 30
  - do: affiliate
    weight: 20
affiliates:
  zipf: 0.9
connections: 8
max_in_flight: 4000
limits:
  slip_p99: 20ms
  generator_cpu: 100%
objectives:
  - errors==0
SCENARIO
fi

ticks=$(getconf CLK_TCK)
fail() {
    echo "scaling: $1" >&2
    exit 1
}

# A process's own ticks of processor time (fields 14 and 15 of its stat: the 12th and 13th behind the name, which may hold spaces) and those of its children that have
# ended (fields 16 and 17). Exit status 1 where it is gone.
ticks_of() {
    local line fields
    { line=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -r -a fields <<<"${line##*) }"
    own=$((fields[11] + fields[12])) ended=$((fields[13] + fields[14]))
}

# Puts into `microseconds` the processor time that the given processes have used so far, user and kernel.
use_of() {
    local pid sum=0
    for pid in "$@"; do
        ticks_of "$pid" || fail "the process $pid has ended: look into the logs"
        sum=$((sum + own))
    done
    microseconds=$((sum * 1000000 / ticks))
}

# The same of a server and its children, who come and go: PostgreSQL has a process for each connection. A child that ends is counted by its parent from the moment
# it is taken leave of, so a sum holds if the children before it are those after it, and each of them could be read.
use_of_family() {
    local parent=$1 attempt child sum children
    for attempt in {1..200}; do
        children=$(pgrep --parent "$parent" || true)
        ticks_of "$parent" || fail "the process $parent has ended: look into the logs"
        sum=$((own + ended))
        for child in $children; do
            ticks_of "$child" || continue 2
            sum=$((sum + own + ended))
        done
        if [[ $(pgrep --parent "$parent" || true) == "$children" ]]; then
            microseconds=$((sum * 1000000 / ticks))
            return
        fi
    done
    fail "PostgreSQL's processes come and go too fast to be added up ($attempt attempts): leave the machine alone meanwhile"
}

# Puts what workers, gateway and PostgreSQL have used so far into `uses`, µs.
look() {
    use_of "${workers[@]}" && uses=("$microseconds")
    use_of "$gateway" && uses+=("$microseconds")
    use_of_family "$server" && uses+=("$microseconds")
}
memory() {
    local pid sum=0
    for pid in "$@"; do sum=$((sum + $(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"))); done
    echo $((sum / 1024))
}

echo '| workers | requests | worker CPU µs a request | gateway CPU µs a request | PostgreSQL CPU µs a request | workers, MiB in all | gateway, MiB |'
echo '|---|---|---|---|---|---|---|'
for count in ${counts//,/ }; do
    "$here/cluster.sh" up "$id" --folder "$folder/$count" --binary "$binary" --workers "$count" --network "$network" 2>"$folder/up.log"
    # One gateway has all the load; the other would only share it.
    "$here/cluster.sh" stop "$id" g2
    workers=()
    for number in $(seq "$count"); do workers+=("$("$here/cluster.sh" pid "$id" "w$number")"); done
    gateway=$("$here/cluster.sh" pid "$id" g1)
    server=$("$here/cluster.sh" pid "$id" db)
    # The idle cluster's own work: leases, polls.
    look
    rest=("${uses[@]}")
    sleep 5
    look
    idle=() && for part in 0 1 2; do idle+=($(((uses[part] - rest[part]) / 5))); done
    before=("${uses[@]}") begin=${EPOCHREALTIME/./}
    "$here/cluster.sh" fature "$id" loadtest run "$scenario" --target "http://$("$here/netns.sh" address "$id" g1):8080" --json "$folder/run.json" \
        --no-check --quiet >"$folder/load.log" 2>&1 || fail "the load with $count workers did not hold: $(tail -n 5 "$folder/load.log")"
    look
    took=$((${EPOCHREALTIME/./} - begin))
    # The warm-up is not in the record, but it is in the processor time: it has the same rate.
    requests=$(jq '(.windows | map(.planned) | add) as $planned | $planned * (.seconds + 5) / .seconds | round' "$folder/run.json")
    costs=()
    for part in 0 1 2; do
        costs+=("$(awk -v used=$((uses[part] - before[part])) -v idle="${idle[part]}" -v took="$took" -v requests="$requests" \
            'BEGIN { printf "%.1f", (used - idle * took / 1e6) / requests }')")
    done
    printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$count" "$requests" "${costs[@]}" "$(memory "${workers[@]}")" "$(memory "$gateway")"
    "$here/cluster.sh" down "$id"
done
