#!/usr/bin/env bash
# Hosts of network namespaces on one machine: each has an address on one switch, and links between them can be cut, slowed and healed.
#
#   netns.sh up ID [--cable]                 make the hosts; with --cable this machine gets an address on the switch as well
#   netns.sh down ID                         end what runs on the hosts, and take them away
#   netns.sh exec ID HOST COMMAND…           run a command on a host, as its process
#   netns.sh address ID HOST                 the host's address; `machine` is this machine's end of the cable
#   netns.sh cut ID A B [--one-way]          lose what goes between A and B; with --one-way only what goes from A to B
#   netns.sh cut ID A                        pull A's cable
#   netns.sh heal ID A [B]                   undo cuts between A and B; of A alone: its cable is in again, and it is as quick as before
#   netns.sh heal ID                         undo everything
#   netns.sh slow ID A MILLISECONDS          all that A sends and gets takes so much longer each way; what is cut stays cut
#   netns.sh show ID                         hosts, addresses, what is cut and slowed
#   netns.sh able [slow]                     exit status 0 where this machine can make hosts (and slow them); 69 or 77 where it cannot,
#                                            72 where a program is missing
#
# ID is 1 to 8 lower-case letters and digits. Two may stand beside each other: names begin with fature-ID-, each has a subnet of 198.19.0.0/16
# (RFC 2544's range for tests of networks) and a switch in a namespace of its own, so nothing but the cable is seen outside. Needs root.
#
# How a link is cut. Neither nft nor tc's filters are on every kernel. So the sender gets a fixed neighbour entry for the receiver with an
# address of the link layer that nobody has: frames leave, and nobody takes them, as if a switch in between had failed. Nothing is told
# anybody: no reset, no "unreachable". The other way still works.
#
# How a link is slowed. With tc's netem where the kernel has it; else relay.py carries the host's frames to the switch and back, late.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
hosts=(db redis c1 c2 w1 w2 w3 w4 w5 w6 w7 w8 g1 g2 load)
state_root=/run/fature-netns
# Locally administered, and nobody's.
nowhere=02:de:ad:00:00:00

fail() {
    echo "netns: $1" >&2
    exit "${2:-1}"
}

usage() {
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}" >&2
    exit 64
}

namespace() { echo "fature-$id-$1"; }

number_of() {
    local host=$1 number
    for number in "${!hosts[@]}"; do
        if [[ ${hosts[number]} == "$host" ]]; then
            echo $((number + 1))
            return
        fi
    done
    fail "there is no host $host; there are: ${hosts[*]}" 64
}

must_stand() { [[ -f $state/subnet ]] || fail "there are no hosts of the name $id: netns.sh up $id" 3; }

address_of() {
    local subnet
    subnet=$(<"$state/subnet")
    if [[ $1 == machine ]]; then echo "198.19.$subnet.254"; else echo "198.19.$subnet.$(number_of "$1")"; fi
}

on() {
    local host=$1
    shift
    nsenter --net="/run/netns/$(namespace "$host")" "$@"
}

claim_subnet() {
    local number
    mkdir -p "$state_root"
    exec 9>"$state_root/lock"
    flock 9
    [[ ! -e $state ]] || fail "hosts of the name $id stand already: netns.sh down $id"
    for number in {0..255}; do
        # Also not one that is used here by others.
        if ! grep -qsx "$number" "$state_root"/*/subnet && [[ -z $(ip -o address show to "198.19.$number.0/24") ]]; then
            mkdir -p "$state"
            echo "$number" >"$state/subnet"
            exec 9>&-
            return
        fi
    done
    fail "all subnets of 198.19.0.0/16 are taken"
}

up() {
    local cable=$1 host subnet
    claim_subnet
    # What is half made goes; ERR would not be seen inside of functions.
    trap 'down' EXIT
    subnet=$(<"$state/subnet")
    ip netns add "$(namespace switch)"
    on switch ip link set lo up
    on switch ip link add switch type bridge forward_delay 0 stp_state 0
    on switch ip link set switch up
    for host in "${hosts[@]}"; do
        ip netns add "$(namespace "$host")"
        on "$host" ip link set lo up
        # The port bears the host's name on the switch.
        on "$host" ip link add eth0 type veth peer name "$host" netns "$(namespace switch)"
        on "$host" ip address add "$(address_of "$host")/24" dev eth0
        on "$host" ip link set eth0 up
        on switch ip link set "$host" master switch up
    done
    if [[ $cable == yes ]]; then
        ip link add "fature-$id" type veth peer name machine netns "$(namespace switch)"
        ip address add "198.19.$subnet.254/24" dev "fature-$id"
        ip link set "fature-$id" up
        on switch ip link set machine master switch up
    fi
    trap - EXIT
}

# Ends the processes of a namespace: first asked, then killed.
end_processes() {
    local name=$1 pids attempt
    [[ -e /run/netns/$name ]] || return 0
    for attempt in {1..50}; do
        pids=$(ip netns pids "$name" 2>/dev/null) || true
        [[ -n $pids ]] || return 0
        # shellcheck disable=SC2086 # several numbers
        if ((attempt == 1)); then kill -TERM $pids 2>/dev/null || true; fi
        # shellcheck disable=SC2086
        if ((attempt > 20)); then kill -KILL $pids 2>/dev/null || true; fi
        sleep 0.1
    done
    echo "netns: processes on $name do not end: $pids" >&2
}

down() {
    local host
    for host in "${hosts[@]}" switch; do end_processes "$(namespace "$host")"; done
    ip link delete "fature-$id" 2>/dev/null || true
    for host in "${hosts[@]}" switch; do
        if [[ -e /run/netns/$(namespace "$host") ]]; then ip netns delete "$(namespace "$host")"; fi
    done
    rm -rf "${state:?}"
}

cut_direction() { on "$1" ip neighbour replace "$(address_of "$2")" lladdr "$nowhere" dev eth0 nud permanent; }

heal_direction() {
    if on "$1" ip -o neighbour show to "$(address_of "$2")" | grep -q "$nowhere"; then
        on "$1" ip neighbour delete "$(address_of "$2")" dev eth0
    fi
}

heal_host() {
    hasten "$1"
    on switch ip link set "$1" up
}

# As quick as before. A cable that is pulled stays so.
hasten() {
    [[ -f $state/slow-$1 ]] || return 0
    if [[ -f $state/relay-$1 ]]; then end_relay "$1"; fi
    if on switch ip link show "$1-near" >/dev/null 2>&1; then
        on switch ip link delete "$1-near"
        on switch ip link set "$1" master switch
    fi
    if on "$1" tc qdisc show dev eth0 | grep -q netem; then on "$1" tc qdisc delete dev eth0 root; fi
    if on switch tc qdisc show dev "$1" | grep -q netem; then on switch tc qdisc delete dev "$1" root; fi
    rm -f "$state/slow-$1"
}

heal_everything() {
    local host line
    for host in "${hosts[@]}"; do
        heal_host "$host"
        while read -r line; do
            [[ -z $line ]] || on "$host" ip neighbour delete "$line" dev eth0
        done < <(on "$host" ip -o neighbour show | awk -v nowhere="$nowhere" 'index($0, nowhere) { print $1 }')
    done
}

has_netem() { on switch tc qdisc replace dev lo root netem delay 1ms 2>/dev/null && on switch tc qdisc delete dev lo root; }

slow() {
    local host=$1 milliseconds=$2
    hasten "$host"
    # Before anything of it is made, so that what is half made is taken away as well.
    echo "$milliseconds" >"$state/slow-$host"
    if has_netem; then
        on "$host" tc qdisc replace dev eth0 root netem delay "${milliseconds}ms"
        on switch tc qdisc replace dev "$host" root netem delay "${milliseconds}ms"
    else
        command -v python3 >/dev/null || fail "this kernel has no netem, and there is no python3 for the relay in its place" 72
        # The port leaves the switch; the relay stands between it and a new one.
        on switch ip link add "$host-near" type veth peer name "$host-far"
        on switch ip link set "$host" nomaster
        on switch ip link set "$host-far" master switch up
        on switch ip link set "$host-near" up
        (
            # What whoever called us has open would stay open as long as the relay.
            for descriptor in /proc/self/fd/*; do
                descriptor=${descriptor##*/}
                if ((descriptor > 2)); then eval "exec $descriptor>&-"; fi
            done
            exec nsenter --net="/run/netns/$(namespace switch)" python3 "$here/relay.py" "$host" "$host-near" "$milliseconds"
        ) </dev/null >"$state/relay-$host.log" 2>&1 &
        echo "$! $(began $! || true)" >"$state/relay-$host"
        local attempt
        for attempt in {1..100}; do
            if grep -q carrying "$state/relay-$host.log"; then break; fi
            ((attempt < 100)) || fail "the relay of $host does not start: $(<"$state/relay-$host.log")"
            sleep 0.05
        done
    fi
}

# When a process began, in ticks since the machine did (field 22 of its stat): with it a number that is somebody else's by now is told apart.
began() {
    local line fields
    { line=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -r -a fields <<<"${line##*) }"
    echo "${fields[19]}"
}

end_relay() {
    local pid begin
    read -r pid begin <"$state/relay-$1"
    if [[ -n $begin && $(began "$pid" || true) == "$begin" ]]; then kill "$pid"; fi
    rm -f "$state/relay-$1" "$state/relay-$1.log"
}

show() {
    local host cuts
    printf '%-8s %-16s %-10s %s\n' host address 'slowed ms' 'what it sends is lost to'
    for host in "${hosts[@]}"; do
        cuts=$(on "$host" ip -o neighbour show | awk -v nowhere="$nowhere" 'index($0, nowhere) { printf "%s ", $1 }')
        if on switch ip -o link show "$host" | grep -q 'state DOWN'; then cuts="everyone, and theirs to it"; fi
        printf '%-8s %-16s %-10s %s\n' "$host" "$(address_of "$host")" "$(cat "$state/slow-$host" 2>/dev/null || echo -)" "$cuts"
    done
}

able() {
    local tool
    for tool in ip tc nsenter unshare flock; do
        command -v "$tool" >/dev/null || fail "there is no $tool: install iproute2 and util-linux (cluster/bootstrap.sh --test)" 72
    done
    ((EUID == 0)) || fail "network namespaces need root" 77
    unshare --net sh -ec 'ip link add near type veth peer name far; ip link add switch type bridge; ip link set near master switch' 2>/dev/null ||
        fail "this kernel or container makes no namespaces, cables and bridges" 69
    if [[ ${1:-} == slow ]]; then
        unshare --net sh -ec 'ip link set lo up; tc qdisc add dev lo root netem delay 1ms' 2>/dev/null || command -v python3 >/dev/null ||
            fail "this kernel has no netem, and there is no python3 for the relay in its place: install python3 (cluster/bootstrap.sh --test)" 72
    fi
}

(($# >= 1)) || usage
verb=$1
shift
if [[ $verb == able ]]; then
    able "$@"
    exit
fi
(($# >= 1)) || usage
id=$1
shift
[[ $id =~ ^[a-z0-9]{1,8}$ ]] || fail "$id: give 1 to 8 lower-case letters and digits" 64
state=$state_root/$id
((EUID == 0)) || fail "network namespaces need root" 77

case $verb in
up)
    cable=no
    if [[ ${1:-} == --cable ]]; then cable=yes; elif (($# > 0)); then usage; fi
    able
    up "$cable"
    ;;
down) down ;;
exec)
    (($# >= 2)) || usage
    must_stand
    host=$1
    shift
    number_of "$host" >/dev/null
    exec nsenter --net="/run/netns/$(namespace "$host")" "$@"
    ;;
address)
    (($# == 1)) || usage
    must_stand
    address_of "$1"
    ;;
cut)
    must_stand
    case $# in
    1) number_of "$1" >/dev/null && on switch ip link set "$1" down ;;
    2 | 3)
        [[ $# == 2 || $3 == --one-way ]] || usage
        cut_direction "$1" "$2"
        if (($# == 2)); then cut_direction "$2" "$1"; fi
        ;;
    *) usage ;;
    esac
    ;;
heal)
    must_stand
    case $# in
    0) heal_everything ;;
    1) number_of "$1" >/dev/null && heal_host "$1" ;;
    2) heal_direction "$1" "$2" && heal_direction "$2" "$1" ;;
    *) usage ;;
    esac
    ;;
slow)
    (($# == 2)) || usage
    must_stand
    number_of "$1" >/dev/null
    [[ $2 =~ ^[0-9]{1,5}$ ]] || fail "$2: give milliseconds" 64
    slow "$1" "$2"
    ;;
show)
    must_stand
    show
    ;;
*) usage ;;
esac
