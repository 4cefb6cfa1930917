import Foundation

/// One run of `fature up`, from the lock to the last process's end.
///
/// Everything happens on one thread, which lives as long as the run: the kernel ends the private servers when the thread that
/// started them ends.
struct UpSession {
    private enum Phase { static let gateway = 0, workers = 1, coordinator = 2, redis = 3, postgres = 4 }
    private static let roleStopMillisecondsMax = 15_000
    private static let serverStopMillisecondsMax = 60_000
    /// The first load of a large network from a cold disk.
    private static let readyMillisecondsMax = 300_000

    private let options: UpOptions
    private let directory: DataDirectory
    /// With the variable by which a detached start finds its pipe.
    private let fullEnvironment: [String: String]
    private let environment: [String: String]
    private let usesPrivatePostgres: Bool
    private let programs: Programs
    private let ourselves: String

    init(_ options: UpOptions) throws(CommandError) {
        self.options = options
        directory = DataDirectory(options.dataDir)
        fullEnvironment = ProcessInfo.processInfo.environment
        let own = DetachedStart.cleaned(fullEnvironment)
        usesPrivatePostgres = own.given("DATABASE_URL") == nil
        environment = usesPrivatePostgres ? PostgresEnvironment.cleaned(own) : own
        programs = Programs(environment: environment)
        ourselves = try Programs.ourselves()
    }

    func run() throws(CommandError) {
        try directory.create()
        let lock = try DirectoryLock(directory)
        defer { withExtendedLifetime(lock) {} }
        try directory.makeFolder(directory.logs, mode: 0o700)
        if options.detach { try LogRotation.rotateIfLarge(directory.log("up")) }
        let events = try ProcessEvents()
        Descriptors.keepFromChildren()
        guard try ListeningPort.isFree(host: options.host, port: options.port) else {
            throw CommandError(
                .systemRefused,
                "port \(options.port) of \(options.host) is in use by another program; choose another with --port, "
                    + "or see whose it is: ss -ltnp 'sport = :\(options.port)'")
        }
        if usesPrivatePostgres { PostgresEnvironment.clearOurs() }
        let postgres = usesPrivatePostgres ? try PrivatePostgres(directory, programs: programs) : nil
        let redis = environment.given("REDIS_URL") == nil ? try PrivateRedis(directory, programs: programs) : nil
        if let url = environment.given("REDIS_URL") { try GivenServers.checkRedis(url) }
        if options.demo, let url = environment.given("DATABASE_URL") {
            try GivenServers.checkDemo(url, isAllowed: options.demoIntoDatabaseUrl)
        }
        try postgres?.clearLeftover(events: events)
        try redis?.clearLeftover(events: events)

        var state = try chooseState(postgres: postgres, redis: redis)
        try state.write(directory)
        if let administration = state.administration {
            try PrivateFile.write(administration.token + "\n", to: directory.tokenFile)
        }
        let steps = StepRunner(directory: directory, environment: environment, events: events, setpriv: programs.find("setpriv"))
        let keeper = ProcessKeeper(directory, processes: managedProcesses(), environment: environment, events: events) {
            (processes) throws(CommandError) in
            state.processes = processes
            try state.write(directory)
        }
        do {
            try startServers(postgres, redis, state, keeper, steps)
            try prepareDatabase(state, steps)
            try startRoles(state, keeper)
            keeper.clusterIsReady()
            Announcement(state: state, directory: directory).print()
            try DetachedStart.tellReady(fullEnvironment, log: directory.log("up"))
            keeper.superviseUntilStopped()
        } catch {
            keeper.stopAll()
            throw error
        }
        Console.progress("stopped")
    }

    private func startServers(
        _ postgres: PrivatePostgres?, _ redis: PrivateRedis?, _ state: ClusterState, _ keeper: ProcessKeeper, _ steps: StepRunner
    ) throws(CommandError) {
        if let postgres, let server = state.postgres {
            if !postgres.isInitialised {
                Console.progress("postgresql: creating the database in \(directory.postgres)")
                try postgres.initialise(password: server.password, running: steps)
            }
            try keeper.launch("postgresql", .init(arguments: postgres.command(port: server.port), input: .empty))
        }
        if let redis, let server = state.redis {
            try redis.configure(server)
            try keeper.launch("redis", .init(arguments: redis.command(), input: .empty))
        }
        if let postgres, let server = state.postgres {
            try keeper.supervise(
                "postgresql", pollMilliseconds: 20, millisecondsMax: PrivatePostgres.readyMillisecondsMax,
                until: { keeper.pid("postgresql").map { postgres.isReady(pid: $0) } ?? false })
            Console.progress("postgresql: ready on 127.0.0.1:\(server.port)")
        }
        if let redis, let server = state.redis {
            try keeper.supervise(
                "redis", pollMilliseconds: 20, millisecondsMax: PrivateRedis.readyMillisecondsMax,
                until: { redis.isReady(server) })
            Console.progress("redis: ready on 127.0.0.1:\(server.port)")
        }
    }

    private func prepareDatabase(_ state: ClusterState, _ steps: StepRunner) throws(CommandError) {
        try steps.runVisibly([ourselves, "db", "migrate", "--data-dir", directory.path], name: "fature db migrate")
        guard options.demo else { return }
        // Somebody's V1 programme is not the demo's.
        let steps = StepRunner(
            directory: directory, environment: environment.filter { $0.key != V1Location.variable }, events: steps.events,
            setpriv: steps.setpriv)
        try DemoNetwork(executable: ourselves, directory: directory, databaseURL: state.databaseURL).fillIfEmpty(running: steps)
    }

    private func startRoles(_ state: ClusterState, _ keeper: ProcessKeeper) throws(CommandError) {
        let launches = RoleLaunches(executable: ourselves, directory: directory, options: options)
        try keeper.launch("coordinator", launches.coordinator(state.administration))
        for name in RoleLaunches.workerNames(options.workers) { try keeper.launch(name, launches.worker(name)) }
        try keeper.launch("gateway", launches.gateway)
        Console.progress("coordinator, \(options.workers) worker\(options.workers == 1 ? "" : "s") and gateway: started")
        try keeper.supervise(
            "the cluster", pollMilliseconds: 50, millisecondsMax: Self.readyMillisecondsMax,
            until: { isAnswering("/ready") })
    }

    /// `/ready` says that every shard is loaded by an owner in reach.
    private func isAnswering(_ path: String) -> Bool {
        LoopbackClient.get(host: options.host, port: options.port, path: path)?.status == 200
    }

    /// The ports and passwords of the last start where they still serve, else new ones. The operators' token is always a new one.
    private func chooseState(postgres: PrivatePostgres?, redis: PrivateRedis?) throws(CommandError) -> ClusterState {
        let earlier = try ClusterState.read(directory)
        var state = ClusterState(
            databaseURL: environment.given("DATABASE_URL") ?? "", redisURL: environment.given("REDIS_URL") ?? "",
            administration: .init(
                port: try ListeningPort.choose(preferred: earlier?.administration?.port),
                token: GeneratedPassword.make()),
            // Kept while unused: the files in the folder still know their password.
            postgres: earlier?.postgres, redis: earlier?.redis, gatewayHost: options.host, gatewayPort: options.port,
            processes: [])
        if let postgres {
            guard earlier?.postgres != nil || !postgres.isInitialised else {
                throw CommandError(
                    .configuration,
                    "\(directory.postgres) holds a database but \(directory.stateFile), which has its password, is gone; "
                        + "restore that file or choose another --data-dir")
            }
            let server = ClusterState.PrivateServer(
                port: try ListeningPort.choose(preferred: earlier?.postgres?.port),
                password: earlier?.postgres?.password ?? GeneratedPassword.make())
            state.postgres = server
            state.databaseURL = PrivatePostgres.url(server)
        }
        if let redis {
            let server = ClusterState.PrivateServer(
                port: try ListeningPort.choose(preferred: earlier?.redis?.port),
                password: earlier?.redis?.password ?? GeneratedPassword.make())
            state.redis = server
            state.redisURL = redis.url(server)
        }
        return state
    }

    private func managedProcesses() -> [ManagedProcess] {
        func role(_ name: String, _ phase: Int) -> ManagedProcess {
            ManagedProcess(
                name: name, stopPhase: phase, stopSignal: SIGTERM, forceSignal: SIGKILL,
                stopMillisecondsMax: Self.roleStopMillisecondsMax)
        }
        var processes = [role("gateway", Phase.gateway), role("coordinator", Phase.coordinator)]
        processes += RoleLaunches.workerNames(options.workers).map { role($0, Phase.workers) }
        processes.append(
            ManagedProcess(
                name: "redis", stopPhase: Phase.redis, stopSignal: SIGTERM, forceSignal: SIGKILL,
                stopMillisecondsMax: Self.serverStopMillisecondsMax))
        // SIGINT: end sessions and write everything. SIGQUIT: end at once, recover at the next start.
        processes.append(
            ManagedProcess(
                name: "postgresql", stopPhase: Phase.postgres, stopSignal: SIGINT, forceSignal: SIGQUIT,
                stopMillisecondsMax: Self.serverStopMillisecondsMax))
        return processes
    }
}
