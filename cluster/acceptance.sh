#!/usr/bin/env bash
# A cluster on hosts of network namespaces, under one load from begin to end, while it is changed as an operator would and broken as fate would.
#
#   cluster/acceptance.sh [--binary FILE] [--folder DIR] [--network DEMO|NUMBER] [--rate N] [--replicas 0|1] [--phases NAME,NAME…]
#
# Phases, in this order; all of them unless --phases names some:
#   calm           nothing is done
#   join           a third worker joins, and a rebalance gives it its share                     planned
#   workers        each worker in turn is emptied, stopped and started                          planned
#   gateways       each gateway in turn is taken out of the load balancer, stopped and started  planned
#   coordinators   each coordinator in turn is stopped and started                              planned
#   leader         the leading coordinator is killed: nobody may notice                         planned
#   worker         a worker is killed; with --replicas 1 once each shard has a warm copy
#   database-out, database-in, database-both    a worker's link to PostgreSQL is cut: what it sends, what it gets, both
#   link-out, link-in, link-both                the link from a gateway to a worker is cut: what is sent to the worker, what comes back, both
#   after          nothing is done any more
#
# Every second of the load is judged, those between phases too: a request may fail only in the window after a fault. "outage ms" of a crash is from the begin of
# the first request that failed in its window to the answer of the last, as gateways logged them; "parked" are requests that waited for a shard's new owner.
#
# At the end the ledger is compared with what was answered, `fature reconcile` and `fature validate` have to be clean, and a table tells of each phase.
# Exit status: 0 all held; 1 a request failed in a planned phase or outside of a crash's window, or something was lost or wrong; 3 could not be set up; 64 a wrong flag.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cluster=$here/netns/cluster.sh
netns=$here/netns/netns.sh
binary=$here/../.build/release/fature
folder=
network=DEMO
rate=1000
replicas=0
all=(calm join workers gateways coordinators leader worker database-out database-in database-both link-out link-in link-both after)
phases=("${all[@]}")
# Who is on the way when something breaks learns of it a gateway's deadline later.
deadline_milliseconds=2000
# A dead owner's shards are served elsewhere within 5 s, or, where each has a warm copy, within 1 s of the end of the owner's lease.
takeover_milliseconds=5000
lease_milliseconds=2500
warm_milliseconds=1000
# A healed link is in use again within so long.
reconnect_seconds=3
cut_seconds=10

say() { echo "$(date +%H:%M:%S) $1" >&2; }
fail() {
    echo "acceptance: $1" >&2
    exit "${2:-3}"
}

while (($# > 0)); do
    case $1 in
    --binary) binary=$(realpath "$2") && shift ;;
    --folder) folder=$2 && shift ;;
    --network) network=$2 && shift ;;
    --rate) rate=$2 && shift ;;
    --replicas) replicas=$2 && shift ;;
    --phases) IFS=, read -r -a phases <<<"$2" && shift ;;
    *) sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}" >&2 && exit 64 ;;
    esac
    shift
done
for phase in "${phases[@]}"; do
    [[ " ${all[*]} " == *" $phase "* ]] || fail "there is no phase $phase; there are: ${all[*]}" 64
done
[[ $replicas == [01] ]] || fail "--replicas $replicas: give 0 or 1" 64
for program in jq python3 curl psql column; do command -v "$program" >/dev/null || fail "there is no $program here"; done

until id=a$(printf '%04x' $RANDOM) && [[ ! -e /run/fature-netns/$id ]]; do :; done
# PostgreSQL's user has to get through to its own folder.
[[ -n $folder ]] || { folder=$(mktemp -d /tmp/fature-acceptance-XXXXXX) && chmod 711 "$folder"; }
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
log=$folder/acceptance.log
load_pid=
marks=$folder/phases.jsonl
: >"$marks"

finish() {
    local status=$?
    if [[ -n $load_pid ]]; then kill -KILL "$load_pid" 2>/dev/null || true; fi
    "$cluster" down "$id" >>"$log" 2>&1 || true
    say "logs are in $folder"
    exit "$status"
}
trap finish EXIT

fature() { "$cluster" fature "$id" "$@"; }
now() { echo "${EPOCHREALTIME/./}"; }
wants() { [[ " ${phases[*]} " == *" $1 "* ]]; }
backends() {
    local gateway
    for gateway in "$@"; do echo "$("$netns" address "$id" "$gateway"):8080"; done >"$folder/backends.new"
    mv "$folder/backends.new" "$folder/backends"
}

# Adds to parked_total what each gateway has parked since it was last asked. A gateway counts from 0 in each of its lives: its count is taken before it is stopped,
# and then put to 0.
declare -A parked_seen=([g1]=0 [g2]=0)
parked_total=0
count_parked() {
    local gateway count
    for gateway in g1 g2; do
        count=$("$netns" exec "$id" load curl --silent --show-error --fail --max-time 5 "http://$("$netns" address "$id" "$gateway"):8080/metrics" 2>>"$log" |
            awk '/^gateway_parked_requests_total/ { sum += $NF } END { printf "%d", sum }') || fail "$gateway does not tell how many requests it parked: $log" 1
        parked_total=$((parked_total + count - parked_seen[$gateway]))
        parked_seen[$gateway]=$count
    done
}

# phase NAME KIND COMMAND…: runs it, and notes from when on; it lasts until the next one begins. What it leaves in `fault_at` and `fault_until` (µs) is when requests
# may fail.
phase() {
    local name=$1 kind=$2 begin parked_before
    shift 2
    wants "$name" || return 0
    say "$name"
    kill -0 "$load_pid" 2>/dev/null || fail "the load has ended: $(tail -n 3 "$folder/load.log")" 1
    fault_at=null fault_until=null
    count_parked
    parked_before=$parked_total
    begin=$(now)
    "$@"
    sleep 2
    count_parked
    jq -cn --arg name "$name" --arg kind "$kind" \
        "{name: \$name, kind: \$kind, parked: $((parked_total - parked_before)), begin: $begin, faultAt: $fault_at, faultUntil: $fault_until}" >>"$marks"
}

# Plans with the given flags and has the plan carried out; a plan without moves is none.
rebalance() {
    local status=0 plan
    fature rebalance plan "$@" --json >"$folder/plan.json" 2>>"$log" || status=$?
    case $status in
    0) return 0 ;;
    2) ;;
    *) fail "rebalance plan $*: exit status $status; see $log" 1 ;;
    esac
    plan=$(jq .plan "$folder/plan.json")
    status=0
    fature rebalance apply "$plan" --wait >>"$log" 2>&1 || status=$?
    ((status == 0)) || fail "rebalance apply $plan ($*): exit status $status; see $log" 1
}

shards_of() { fature worker ls --json 2>>"$log" | jq --arg name "$1" '[.workers[] | select(.worker_id == $name) | .shards] | add // 0'; }

await() {
    local what=$1 seconds=$2 end=$((SECONDS + $2))
    shift 2
    until "$@"; do
        ((SECONDS < end)) || fail "not within $seconds s: $what" 1
        sleep 0.2
    done
}

calm() { sleep 10; }

join() {
    "$cluster" start "$id" w3
    await "w3 is registered" 20 eval 'fature worker ls --json 2>>"$log" | jq -e "any(.workers[]; .worker_id == \"w3\")" >/dev/null'
    rebalance --threshold 5%
    (($(shards_of w3) > 0)) || fail "w3 has no shards after the rebalance" 1
}

roll_workers() {
    local worker
    for worker in "${workers[@]}"; do
        rebalance --drain "$worker"
        (($(shards_of "$worker") == 0)) || fail "$worker still has shards after its drain" 1
        "$cluster" stop "$id" "$worker"
        "$cluster" start "$id" "$worker"
        fature worker uncordon "$worker" >>"$log" 2>&1
        await "$worker is registered" 20 eval \
            'fature worker ls --json 2>>"$log" | jq -e --arg name "$worker" "any(.workers[]; .worker_id == \$name)" >/dev/null'
    done
    rebalance --threshold 5%
}

roll_gateways() {
    local gateway other
    for gateway in g1 g2; do
        other=$([[ $gateway == g1 ]] && echo g2 || echo g1)
        backends "$other"
        # Connections on their way to it have come through by then.
        sleep 1
        count_parked
        "$cluster" stop "$id" "$gateway"
        parked_seen[$gateway]=0
        "$cluster" start "$id" "$gateway"
        "$cluster" ready "$id" 60
        backends g1 g2
    done
}

roll_coordinators() {
    local coordinator
    for coordinator in c1 c2; do
        "$cluster" stop "$id" "$coordinator"
        "$cluster" start "$id" "$coordinator"
        sleep 4
    done
}

kill_leader() {
    local leader
    leader=$("$cluster" leader "$id")
    "$cluster" kill "$id" "$leader"
    sleep 6
    "$cluster" start "$id" "$leader"
}

# Requests may fail from now on for so many milliseconds, and who is on the way then a deadline longer; those that were under way began a deadline before, in this
# phase and not in the one before it.
window() {
    fault_at=$(now)
    sleep $((deadline_milliseconds / 1000))
    fault_until=$(($(now) + ($1 + deadline_milliseconds) * 1000))
}

# Who has which shard and stands by for it, and how often workers have loaded shards: the same twice, and all copies that there will be are warm.
copies() {
    fature shard ls --json 2>>"$log" |
        jq -ce '.shards | if all(.[]; .standby != null and .standby != .worker_id) then map([.worker_id, .standby]) else empty end' || return 1
    grep --count --no-filename '"shards loaded"' "$folder"/cluster/logs/w?.log
}

copies_rest() {
    local before after
    before=$(copies) || return 1
    sleep 5
    after=$(copies) && [[ $before == "$after" ]]
}

kill_worker() {
    local outage=$takeover_milliseconds
    if ((replicas > 0)); then
        await "every shard has a warm copy" 120 copies_rest
        outage=$((lease_milliseconds + warm_milliseconds))
    fi
    window $outage
    "$cluster" kill "$id" w2
    sleep $((takeover_milliseconds / 1000 + 4))
    "$cluster" start "$id" w2
    sleep 3
}

cut_database() {
    local owner
    owner=$(heaviest)
    window $takeover_milliseconds
    case $1 in
    out) "$netns" cut "$id" "$owner" db --one-way ;;
    in) "$netns" cut "$id" db "$owner" --one-way ;;
    both) "$netns" cut "$id" "$owner" db ;;
    esac
    sleep $cut_seconds
    "$netns" heal "$id"
    sleep 5
}

# The worker with the most affiliates: cutting one without shards would show nothing.
heaviest() { fature worker ls --json 2>>"$log" | jq -r '.workers | max_by(.shards) | .worker_id'; }

cut_link() {
    local owner
    owner=$(heaviest)
    window $(((cut_seconds + reconnect_seconds) * 1000))
    case $1 in
    out) "$netns" cut "$id" g1 "$owner" --one-way ;;
    in) "$netns" cut "$id" "$owner" g1 --one-way ;;
    both) "$netns" cut "$id" g1 "$owner" ;;
    esac
    sleep $cut_seconds
    "$netns" heal "$id"
    sleep $((reconnect_seconds + 4))
}

"$netns" able slow || fail "no hosts can be made here"
# What fails is in gateways' logs, with its time.
export FATURE_NETNS_g1=FATURE_GATEWAY_ACCESS_LOG=notable FATURE_NETNS_g2=FATURE_GATEWAY_ACCESS_LOG=notable
say "a cluster of 2 workers over the network $network, as $id in $folder"
"$cluster" up "$id" --folder "$folder/cluster" --binary "$binary" --durable --workers 2 --network "$network" --replicas "$replicas" 2>>"$log" || fail "the cluster does not start: $log"
workers=(w1 w2)
if wants join; then workers+=(w3); fi
backends g1 g2
address=$("$netns" address "$id" load)
"$netns" exec "$id" load python3 "$here/netns/balancer.py" "$address" 8000 "$folder/backends" >"$folder/balancer.log" 2>&1 &
await "the load balancer listens" 10 grep -q balancing "$folder/balancer.log"

sed "s/rate: 1000/rate: $rate/" "$here/acceptance.yaml" >"$folder/acceptance.yaml"
(cd "$folder" && exec "$cluster" fature "$id" loadtest run acceptance.yaml --target "http://$address:8000" --json run.json --markdown run.md --quiet) \
    >"$folder/load.log" 2>&1 &
load_pid=$!
# Its warm-up is over.
sleep 8
kill -0 "$load_pid" 2>/dev/null || fail "the load did not start: $(tail -n 3 "$folder/load.log")"

phase calm planned calm
phase join planned join
phase workers planned roll_workers
phase gateways planned roll_gateways
phase coordinators planned roll_coordinators
phase leader planned kill_leader
phase worker crash kill_worker
for way in out in both; do phase "database-$way" crash cut_database "$way"; done
for way in out in both; do phase "link-$way" crash cut_link "$way"; done
phase after planned calm

say "the load ends; the ledger is compared"
ended=$(now)
# One that has ended by itself has left phases without load: the judgement says which.
kill -TERM "$load_pid" 2>/dev/null || true
wait "$load_pid" || true
load_pid=
[[ -s $folder/run.json ]] || fail "the load has left no record: $(tail -n 5 "$folder/load.log")" 1

status=0
# Times come to the microsecond, durations too: when a request that failed began, and when it was answered.
jq -cR 'fromjson? | select(.message == "request" and .status >= 500)
    | ((.timestamp[:19] + "Z" | fromdate) * 1000000 + (((.timestamp[20:] | rtrimstr("Z")) + "000000")[:6] | tonumber)) as $answered
    | {begin: ($answered - .duration_us), end: $answered}' "$folder"/cluster/logs/g?.log >"$folder/failures.jsonl"
jq -n --slurpfile run "$folder/run.json" --slurpfile phases "$marks" --slurpfile failures "$folder/failures.jsonl" \
    --argjson ended "$ended" -f "$here/acceptance.jq" >"$folder/judgement.json"
jq -r '.table[] | @tsv' "$folder/judgement.json" | column -t -s $'\t'
jq -r '.faults[]' "$folder/judgement.json" | sed 's/^/FAULT: /'
[[ $(jq '.faults | length' "$folder/judgement.json") == 0 ]] || status=1
for check in reconcile validate; do
    if fature "$check" >"$folder/$check.txt" 2>&1; then
        echo "$check: clean"
    else
        echo "FAULT: $check: see $folder/$check.txt"
        status=1
    fi
done
exit "$status"
