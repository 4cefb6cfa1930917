/// Everything the roles can be told. `docs/configuration.md` is this table, and a test holds them together.
enum Settings {
    private static let ports = 0...65_535
    private static let leaseMilliseconds = 500...60_000

    static let databaseURL = Setting(
        "database_url", .secret, aliases: ["DATABASE_URL"],
        help:
            "The cluster's PostgreSQL, as postgresql://user:password@host:port/database. Default: what `fature up` noted in --data-dir."
    )
    static let redisURL = Setting(
        "redis_url", .secret, aliases: ["REDIS_URL"],
        help: "The cluster's Redis, as redis://:password@host:port/0. Default: what `fature up` noted in --data-dir.")
    static let logLevel = Setting(
        "log_level", .choice(["trace", "debug", "info", "notice", "warning", "error"]), default: "info",
        help: "The least important log lines that are written.")

    static let workerName = Setting(
        "worker.name", .text,
        help: "The worker's name; after a restart the same name gets the same shards where it can. Default: the host's name.")
    static let workerListenHost = Setting(
        "worker.listen_host", .text, default: "127.0.0.1", help: "The address on which gateways reach the worker.")
    static let workerListenPort = Setting(
        "worker.listen_port", .integer(ports), default: "0",
        help: "The port on which gateways reach the worker; 0 takes any free one.")
    static let workerAdvertisedAddress = Setting(
        "worker.advertised_address", .text,
        help: "host:port at which gateways reach the worker, where it differs from the one listened on. Default: that one.")
    static let workerLeaseMilliseconds = Setting(
        "worker.lease_milliseconds", .integer(leaseMilliseconds), default: "2500",
        help: "How long, in milliseconds, the worker counts as alive after it last reported; then its shards go elsewhere.")
    static let workerCapacity = Setting(
        "worker.capacity", .integer(1...1000), default: "1", help: "How much this worker takes on, relative to the others.")

    static let workerPaymentLanes = Setting(
        "worker.payment_lanes", .integer(1...16), default: "1",
        help: "Batches of commissions that are paid side by side, each on a thread and a PostgreSQL connection of its own.")
    static let workerCertificate = tlsCertificate(of: "worker")
    static let workerKey = tlsKey(of: "worker")
    static let workerAuthority = tlsAuthority(of: "worker", peers: "gateways")
    static let coordinatorLeaseMilliseconds = Setting(
        "coordinator.lease_milliseconds", .integer(leaseMilliseconds), default: "2500",
        help: "How long, in milliseconds, a coordinator leads after it last reported; then another takes over.")
    static let coordinatorExpectedWorkers = Setting(
        "coordinator.expected_workers", .integer(1...1024), default: "1",
        help: "While nobody serves yet, shards are first given out once so many workers have reported.")
    static let coordinatorStartGraceMilliseconds = Setting(
        "coordinator.start_grace_milliseconds", .integer(0...600_000), default: "10000",
        help: "How long, in milliseconds, to wait for them at most.")
    static let coordinatorReplicas = Setting(
        "coordinator.replicas", .integer(0...1), default: "0",
        help:
            "Warm copies of each shard, on another worker than its owner, which takes over at once when the owner dies. They need as much memory as the shards."
    )

    static let coordinatorAdminListen = Setting(
        "coordinator.admin_listen", .text, aliases: ["FATURE_ADMIN_LISTEN"],
        help:
            "host:port on which the coordinator answers operators over HTTP, port 0 for any free one; needs the token too. Default: it does not."
    )
    static let coordinatorAdminTokenFile = Setting(
        "coordinator.admin_token_file", .text,
        help: "The file, readable by its owner alone, whose first line is the token that operators have to show.")
    static let coordinatorCertificate = tlsCertificate(of: "coordinator")
    static let coordinatorKey = tlsKey(of: "coordinator")
    static let coordinatorAuthority = tlsAuthority(of: "coordinator", peers: "operators")

    static let gatewayName = Setting(
        "gateway.name", .text, help: "The gateway's name, as `fature gateway ls` shows it. Default: the host's name.")
    static let gatewayListenHost = Setting(
        "gateway.listen_host", .text, default: "127.0.0.1", help: "The address on which callers reach the gateway.")
    static let gatewayListenPort = Setting(
        "gateway.listen_port", .integer(ports), default: "8080",
        help: "The port on which callers reach the gateway, over HTTP/2 with prior knowledge and HTTP/1.1; 0 takes any free one.")
    static let gatewayReusePort = Setting(
        "gateway.reuse_port", .choice(["off", "on"]), default: "off",
        help: "Whether other gateways may listen on the same port of this host, as while one takes over from another.")
    static let gatewayAdvertisedAddress = Setting(
        "gateway.advertised_address", .text,
        help: "host:port at which callers reach the gateway, where it differs from the one listened on. Default: that one.")
    static let gatewayThreads = Setting(
        "gateway.threads", .integer(1...256), default: "1", help: "Event loops. Each has its own connections to all workers.")
    static let gatewayAccessLog = Setting(
        "gateway.access_log", .choice(["all", "notable", "off"]), default: "notable",
        help: "Which requests get a line in the log; notable are changes, refusals, failures and slow answers.")
    static let gatewayDeadlineMilliseconds = Setting(
        "gateway.deadline_milliseconds", .integer(10...60_000), default: "2000",
        help: "How long a request may take, in milliseconds; then it is answered 504.")
    static let gatewayRequestsPerThreadMax = Setting(
        "gateway.requests_per_thread_max", .integer(1...1_000_000), default: "16384",
        help: "Requests that may be on their way at a time on each event loop; more are answered 503.")
    static let gatewayConnectionsPerThreadMax = Setting(
        "gateway.connections_per_thread_max", .integer(1...1_000_000), default: "10000",
        help: "Client connections at a time on each event loop; more are closed at once.")

    static let gatewayCertificate = tlsCertificate(of: "gateway")
    static let gatewayKey = tlsKey(of: "gateway")
    static let gatewayAuthority = tlsAuthority(of: "gateway", peers: "workers")

    private static func tlsCertificate(of role: String) -> Setting {
        Setting("\(role).tls_cert", .text, help: "The \(role)'s certificate, a file in PEM; read again when it changes.")
    }

    private static func tlsKey(of role: String) -> Setting {
        Setting(
            "\(role).tls_key", .text,
            help: "The key of the \(role)'s certificate, a file in PEM that only the \(role)'s user can read.")
    }

    private static func tlsAuthority(of role: String, peers: String) -> Setting {
        Setting(
            "\(role).tls_ca", .text,
            help:
                "The cluster's authorities, a file in PEM: \(peers) with other certificates are refused. Needed beyond loopback, together with the two above."
        )
    }

    static let common = [databaseURL, redisURL, logLevel]
    static let worker = [
        workerName, workerListenHost, workerListenPort, workerAdvertisedAddress, workerLeaseMilliseconds, workerCapacity,
        workerPaymentLanes, workerCertificate, workerKey, workerAuthority,
    ]
    static let coordinator = [
        coordinatorLeaseMilliseconds, coordinatorExpectedWorkers, coordinatorStartGraceMilliseconds, coordinatorReplicas,
        coordinatorAdminListen, coordinatorAdminTokenFile, coordinatorCertificate, coordinatorKey, coordinatorAuthority,
    ]
    static let gateway = [
        gatewayName, gatewayListenHost, gatewayListenPort, gatewayReusePort, gatewayAdvertisedAddress, gatewayThreads,
        gatewayAccessLog, gatewayDeadlineMilliseconds, gatewayRequestsPerThreadMax, gatewayConnectionsPerThreadMax,
        gatewayCertificate, gatewayKey, gatewayAuthority,
    ]
    static let all = common + worker + coordinator + gateway
}
