import ArgumentParser

/// The flags of `fature up`.
struct UpOptions: ParsableArguments {
    static let workersMax = 64

    @Flag(help: "Fill an empty database with the demo network: 532,363 affiliates.")
    var demo = false

    @Flag(help: "Let --demo fill the database that DATABASE_URL names, if it has no affiliates and no V1 programme.")
    var demoIntoDatabaseUrl = false

    @Option(help: ArgumentHelp("How many workers share the shards, 1 to \(UpOptions.workersMax).", valueName: "n"))
    var workers = 2

    @Option(
        help: ArgumentHelp(
            "Warm copies of each shard on another worker, 0 or 1. Default: FATURE_COORDINATOR_REPLICAS, or 0.", valueName: "n"))
    var replicas: Int?

    @Option(help: ArgumentHelp("The port on which the gateway answers over HTTP/2 and HTTP/1.1.", valueName: "port"))
    var port = 8080

    @Option(help: ArgumentHelp("The IPv4 address on which the gateway listens.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("The folder that holds the cluster's servers, data, logs and passwords.", valueName: "folder"))
    var dataDir = DataDirectory.defaultPath

    @Flag(help: "Return once the cluster is ready and leave it running; stop it with `fature down`.")
    var detach = false

    func validate() throws {
        guard (1...Self.workersMax).contains(workers) else {
            throw ValidationError("--workers \(workers): give 1 to \(Self.workersMax)")
        }
        guard replicas.map((0...1).contains) ?? true else {
            throw ValidationError("--replicas \(replicas ?? 0): give 0 or 1")
        }
        guard (1...65_535).contains(port) else { throw ValidationError("--port \(port): give 1 to 65535") }
        guard !dataDir.isEmpty else { throw ValidationError("--data-dir is empty: name a folder") }
    }
}
