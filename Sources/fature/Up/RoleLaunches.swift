/// The command lines of the roles. Where the database is they read from the data directory, so no secret is in them.
struct RoleLaunches {
    let executable: String
    let directory: DataDirectory
    let options: UpOptions

    /// - Parameter administration: where it is to answer operators.
    func coordinator(_ administration: ClusterState.Administration?) -> ProcessKeeper.Launch {
        let replicas = options.replicas.map { ["--replicas", String($0)] } ?? []
        let operators = administration.map { ["--admin-listen", $0.address, "--admin-token-file", directory.tokenFile] } ?? []
        return role(["coordinator", "--expected-workers", String(options.workers)] + replicas + operators)
    }

    func worker(_ name: String) -> ProcessKeeper.Launch { role(["worker", "--name", name]) }

    var gateway: ProcessKeeper.Launch {
        role(["gateway", "--name", "gateway", "--listen-host", options.host, "--listen-port", String(options.port)])
    }

    static func workerNames(_ count: Int) -> [String] { (1...count).map { "worker-\($0)" } }

    private func role(_ arguments: [String]) -> ProcessKeeper.Launch {
        .init(arguments: [executable] + arguments + ["--data-dir", directory.path, "--stop-on-stdin-close"], input: .heldOpen)
    }
}
