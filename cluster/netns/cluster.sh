#!/usr/bin/env bash
# A cluster on the hosts of netns.sh: PostgreSQL on db, Redis on redis, coordinators on c1 and c2, workers on w1 to w8, gateways on g1 and g2.
# The roles find each other through PostgreSQL.
#
#   cluster.sh servers ID --folder DIR [--binary FILE] [--cable] [--durable] [--database-tls] [--replicas 0|1]
#                                            make the hosts, start PostgreSQL and Redis on them, bring the schema up, and issue certificates
#   cluster.sh start ID ROLE…                start roles, each on its host; ROLE is the host's name
#   cluster.sh stop ID ROLE…                 end them in order (SIGTERM); exit status 1 where one does not end within 20 s
#   cluster.sh kill ID ROLE…                 end them as a crash would (SIGKILL)
#   cluster.sh ready ID [SECONDS]            wait until every gateway that runs reaches every shard (30 s)
#   cluster.sh fature ID ARGUMENTS…          a command of fature, on the host load
#   cluster.sh leader ID                     which of c1 and c2 leads
#   cluster.sh pid ID ROLE                   its process
#   cluster.sh status ID                     what runs where
#   cluster.sh up ID --folder DIR [--workers N] [--network DEMO|NUMBER] [and what servers takes, but --cable]
#                                            all of it: servers, an invented network, 2 coordinators, N workers, 2 gateways
#   cluster.sh down ID                       end everything, and take the hosts away; the folder stays, with the logs
#
# In DIR: logs/, run/ (process ids), postgres/ and redis/ (data), ca/ and tls/ (the cluster's authority, and what it has issued), and `environment`, which gives whoever reads it DATABASE_URL and REDIS_URL.
# --durable has PostgreSQL flush each commit to the disk, as on a machine whose data matters. --replicas is what coordinators are told: warm copies of each shard.
# --database-tls has everybody reach PostgreSQL over TLS alone, with a certificate by an authority of its own (pg-ca/, pg-tls/), and make sure of it (verify-full).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
netns=$here/netns.sh
gateway_port=8080
worker_port=7300
stop_seconds=20

fail() {
    echo "cluster: $1" >&2
    exit "${2:-1}"
}

usage() {
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}" >&2
    exit 64
}

on() {
    local host=$1
    shift
    nsenter --net="/run/netns/fature-$id-$host" "$@"
}

address() { "$netns" address "$id" "$1"; }

# The newest PostgreSQL's programs, where Debian keeps them, or those on the path.
postgres_program() {
    local found
    found=$(find /usr/lib/postgresql -path "*/bin/$1" 2>/dev/null | sort --version-sort | tail -n 1)
    echo "${found:-$1}"
}

# What whoever called us has open would stay open as long as the process that we leave running.
close_others() {
    local descriptor
    for descriptor in /proc/self/fd/*; do
        descriptor=${descriptor##*/}
        if ((descriptor > 2)); then eval "exec $descriptor>&-"; fi
    done
}

# When a process began, in ticks since the machine did (field 22 of its stat, the 20th behind the name, which may hold spaces). With it a number that the kernel
# has given to somebody else since is told apart. A zombie has ended: whoever started it may not have asked for its end yet.
began() {
    local line fields
    { line=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -r -a fields <<<"${line##*) }"
    [[ ${fields[0]} != Z ]] && echo "${fields[19]}"
}

# Starts a process on a host that outlives this script and not the host; its number, and when it began, go to run/NAME.
launch() {
    local name=$1 host=$2
    shift 2
    # The log of an earlier life stays; this one's follows.
    (
        close_others
        exec setsid nsenter --net="/run/netns/fature-$id-$host" "$@"
    ) </dev/null >>"$folder/logs/$name.log" 2>&1 &
    # One that has ended already has no begin, and counts as ended.
    echo "$! $(began $! || true)" >"$folder/run/$name"
}

pid_of() {
    local pid begin
    [[ -f $folder/run/$1 ]] || return 1
    read -r pid begin <"$folder/run/$1" && echo "$pid"
}

runs() {
    local pid begin
    [[ -f $folder/run/$1 ]] || return 1
    read -r pid begin <"$folder/run/$1"
    [[ -n $begin && $(began "$pid" || true) == "$begin" ]]
}

# Exit status 1 where the role does not run: its number may be somebody else's by now.
signal() { runs "$2" && kill "-$1" "$(pid_of "$2")"; }

await() {
    local what=$1 seconds=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "not within $seconds s: $what; look into $folder/logs"
        sleep 0.05
    done
}

start_postgres() {
    local data=$folder/postgres secret settings hosts=host query=
    secret=$(head -c 18 /dev/urandom | base64 | tr '+/' 'xy')
    # The host `load` and this machine's end of the cable come as clients too; the whole subnet has to know the password.
    mkdir -p "$data"
    chown postgres "$data"
    (umask 077 && echo "$secret" >"$folder/password")
    chown postgres "$folder/password"
    as_postgres "$(postgres_program initdb)" --pgdata "$data" --username fature --pwfile "$folder/password" --auth scram-sha-256 \
        --encoding UTF8 --no-locale --no-sync >"$folder/logs/initdb.log" 2>&1 || fail "initdb failed: $(tail -n 3 "$folder/logs/initdb.log")"
    rm -f "$folder/password"
    settings=(
        "listen_addresses=$(address db)" port=5432 unix_socket_directories= max_connections=300 shared_buffers=256MB max_wal_size=2GB
        jit=off timezone=UTC log_min_messages=warning
        # A host that is gone holds its locks no longer than this.
        tcp_keepalives_idle=5 tcp_keepalives_interval=2 tcp_keepalives_count=3 tcp_user_timeout=10000
    )
    if [[ $database_tls == yes ]]; then
        issue_database_certificate >"$folder/logs/database-certificate.log" 2>&1 || fail "no certificate: $(tail -n 3 "$folder/logs/database-certificate.log")"
        settings+=(ssl=on ssl_min_protocol_version=TLSv1.3 "ssl_cert_file=$folder/pg-tls/postgresql.pem" "ssl_key_file=$folder/pg-tls/postgresql-key.pem")
        hosts=hostssl query="?sslmode=verify-full&sslrootcert=$folder/pg-tls/ca.pem"
        export PGSSLMODE=verify-full PGSSLROOTCERT=$folder/pg-tls/ca.pem
    fi
    echo "$hosts all all $(address db)/24 scram-sha-256" >>"$data/pg_hba.conf"
    [[ $durable == yes ]] || settings+=(fsync=off synchronous_commit=off full_page_writes=off)
    launch db db setpriv --reuid=postgres --regid=postgres --clear-groups "$(postgres_program postgres)" -D "$data" \
        "${settings[@]/#/--}"
    # In the environment, because a command line can be read by everyone.
    PGPASSWORD=$secret await "PostgreSQL answers" 30 on load psql --host "$(address db)" --username fature --no-psqlrc \
        --dbname postgres --command 'CREATE DATABASE fature'
    database_url="postgresql://fature:$secret@$(address db):5432/fature$query"
}

# A server's certificate is one of the role that others connect to. Its authority is none of the cluster's: whoever has its key is nobody among our processes.
issue_database_certificate() {
    "$binary" cluster init-ca --name postgresql --out "$folder/pg-ca"
    "$binary" cluster issue --ca "$folder/pg-ca" --role worker --name postgresql --host "$(address db)" --out "$folder/pg-tls"
    chown -R postgres "$folder/pg-tls"
}

as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }

start_redis() {
    local secret
    secret=$(head -c 18 /dev/urandom | base64 | tr '+/' 'xy')
    mkdir -p "$folder/redis"
    # In a file, because a command line can be read by everyone.
    (umask 077 && cat >"$folder/redis/redis.conf") <<SETTINGS
bind $(address redis)
port 6379
dir $folder/redis
requirepass $secret
save ""
appendonly $durable
appendfsync everysec
maxmemory-policy noeviction
daemonize no
SETTINGS
    launch redis redis redis-server "$folder/redis/redis.conf"
    redis_url="redis://:$secret@$(address redis):6379/0"
}

servers() {
    [[ -n $folder ]] || fail "give --folder DIR" 64
    for program in psql curl initdb redis-server; do
        [[ -n $(command -v "$(postgres_program "$program")") ]] || fail "there is no $program: cluster/bootstrap.sh --test installs what is missing" 72
    done
    [[ -x $binary ]] || fail "there is no program $binary: swift build, or --binary FILE" 66
    mkdir -p "$folder/logs" "$folder/run"
    folder=$(cd "$folder" && pwd)
    [[ -z $(ls -A "$folder/postgres" 2>/dev/null) ]] || fail "$folder has a cluster in it already: give another folder" 64
    # The user postgres has to come by to its data.
    chmod 711 "$folder"
    # shellcheck disable=SC2086 # an empty one is none
    "$netns" up "$id" $cable
    trap '"$netns" down "$id"' ERR EXIT
    echo "$folder" >"$state/folder"
    start_postgres
    start_redis
    (umask 077 && printf 'DATABASE_URL=%q\nREDIS_URL=%q\nbinary=%q\nreplicas=%q\n' "$database_url" "$redis_url" "$binary" "$replicas" >"$folder/environment")
    DATABASE_URL=$database_url on load "$binary" db migrate >>"$folder/logs/migrate.log" 2>&1 ||
        fail "the schema could not be brought up: $(tail -n 3 "$folder/logs/migrate.log")"
    issue_certificates >"$folder/logs/certificates.log" 2>&1 || fail "no certificates: $(tail -n 3 "$folder/logs/certificates.log")"
    trap - ERR EXIT
}

# Between gateways and workers there is TLS alone, with certificates of an authority of this cluster's own.
issue_certificates() {
    local host role
    "$binary" cluster init-ca --name "netns-$id" --out "$folder/ca"
    for host in w1 w2 w3 w4 w5 w6 w7 w8 g1 g2; do
        role=$([[ $host == w* ]] && echo worker || echo gateway)
        "$binary" cluster issue --ca "$folder/ca" --role "$role" --name "$host" --host "$(address "$host")" --out "$folder/tls"
    done
}

# Sets folder, binary, replicas, DATABASE_URL and REDIS_URL of a cluster that stands.
enter() {
    [[ -f $state/folder ]] || fail "there is no cluster of the name $id: cluster.sh servers $id" 3
    folder=$(<"$state/folder")
    # shellcheck disable=SC1091 # written by us
    source "$folder/environment"
    export DATABASE_URL REDIS_URL
}

start_role() {
    local role=$1
    if runs "$role"; then fail "$role runs already" 64; fi
    # What a role is told beside its own, as FATURE_… variables, by the role's name: FATURE_NETNS_w1='FATURE_WORKER_CAPACITY=2'.
    local given=FATURE_NETNS_$role variables=()
    [[ -z ${!given:-} ]] || read -r -a variables <<<"${!given}"
    local certificates=(--tls-cert "$folder/tls/$role.pem" --tls-key "$folder/tls/$role-key.pem" --tls-ca "$folder/tls/ca.pem")
    case $role in
    c[12]) launch "$role" "$role" env "${variables[@]}" "$binary" coordinator --expected-workers "${expected_workers:-1}" --replicas "$replicas" ;;
    w[1-8]) launch "$role" "$role" env "${variables[@]}" "$binary" worker --name "$role" --listen-host "$(address "$role")" --listen-port $worker_port "${certificates[@]}" ;;
    g[12])
        launch "$role" "$role" env FATURE_GATEWAY_ACCESS_LOG=off "${variables[@]}" "$binary" gateway --name "$role" --listen-host 0.0.0.0 \
            --listen-port $gateway_port --advertised-address "$(address "$role"):$gateway_port" "${certificates[@]}"
        ;;
    *) fail "$role: give c1, c2, w1 to w8, g1 or g2" 64 ;;
    esac
}

stop_role() {
    local end=$((SECONDS + stop_seconds))
    signal TERM "$1" || return 0
    while runs "$1"; do
        if ((SECONDS >= end)); then
            echo "cluster: $1 does not end within $stop_seconds s" >&2
            return 1
        fi
        sleep 0.02
    done
}

gateway_is_ready() {
    on load curl --silent --fail --max-time 2 "http://$(address "$1"):$gateway_port/ready" &&
        on load curl --silent --fail --max-time 2 "http://$(address "$1"):$gateway_port/api/v2/stats"
}

ready() {
    local gateway
    for gateway in g1 g2; do
        if runs "$gateway"; then await "$gateway reaches every shard" "$1" gateway_is_ready "$gateway"; fi
    done
}

leader() {
    local host
    # Each leadership has a higher term than those before it, and is in its holder's log.
    for host in c1 c2; do
        if runs "$host"; then sed -n "s/.*\"leading\".*\"term\":\"\([0-9]*\)\".*/\1 $host/p" "$folder/logs/$host.log"; fi
    done | sort --numeric-sort | tail -n 1 | cut -d' ' -f2
}

status() {
    local file name
    printf '%-8s %-16s %-9s %s\n' role address process state
    for file in "$folder"/run/*; do
        name=${file##*/}
        printf '%-8s %-16s %-9s %s\n' "$name" "$(address "$name")" "$(pid_of "$name")" "$(runs "$name" && echo runs || echo ended)"
    done
}

down() {
    local role
    # Without its folder there is no order to keep: the hosts go with all that runs on them.
    if [[ -f $state/folder && -f $(<"$state/folder")/environment ]]; then
        enter
        for role in g1 g2 c1 c2; do stop_role "$role" || true; done
        for role in w1 w2 w3 w4 w5 w6 w7 w8; do signal TERM "$role" || true; done
        for role in w1 w2 w3 w4 w5 w6 w7 w8; do stop_role "$role" || true; done
        # A fast shutdown: sessions of those who are left are ended.
        signal INT db || true
    fi
    "$netns" down "$id"
}

fill() {
    case $network in
    '') return ;;
    DEMO) fature_here generate --profile fature ;;
    *) fature_here generate --profile skew --affiliates "$network" ;;
    esac >>"$folder/logs/fill.log" 2>&1
    fature_here migrate --rejects "$folder/rejects.csv" >>"$folder/logs/fill.log" 2>&1 || fail "the network could not be brought in: $folder/logs/fill.log"
}

fature_here() { on load "$binary" "$@"; }

(($# >= 2)) || usage
verb=$1 id=$2
shift 2
[[ $id =~ ^[a-z0-9]{1,8}$ ]] || fail "$id: give 1 to 8 lower-case letters and digits" 64
((EUID == 0)) || fail "network namespaces need root" 77
state=/run/fature-netns/$id

case $verb in
servers | up)
    folder='' binary=$here/../../.build/release/fature cable='' durable=no database_tls=no workers=2 network='' replicas=0
    while (($# > 0)); do
        case $1 in
        --folder) folder=$2 && shift ;;
        --binary) binary=$(realpath "$2") && shift ;;
        --cable) cable=--cable ;;
        --durable) durable=yes ;;
        --database-tls) database_tls=yes ;;
        --workers) workers=$2 && shift ;;
        --network) network=$2 && shift ;;
        --replicas) replicas=$2 && shift ;;
        *) usage ;;
        esac
        shift
    done
    [[ $replicas == [01] ]] || fail "--replicas $replicas: give 0 or 1" 64
    servers
    if [[ $verb == up ]]; then
        enter
        fill
        expected_workers=$workers
        for role in c1 c2 $(seq --format 'w%g' "$workers") g1 g2; do start_role "$role"; done
        ready 120
    fi
    ;;
start)
    enter
    for role in "$@"; do start_role "$role"; done
    ;;
stop)
    enter
    for role in "$@"; do stop_role "$role"; done
    ;;
kill)
    enter
    for role in "$@"; do signal KILL "$role" || fail "$role does not run"; done
    ;;
ready)
    enter
    ready "${1:-30}"
    ;;
fature)
    enter
    exec nsenter --net="/run/netns/fature-$id-load" "$binary" "$@"
    ;;
leader)
    enter
    leader
    ;;
pid)
    (($# == 1)) || usage
    enter
    runs "$1" || fail "$1 does not run"
    pid_of "$1"
    ;;
status)
    enter
    status
    ;;
down) down ;;
*) usage ;;
esac
