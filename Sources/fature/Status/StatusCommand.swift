import ArgumentParser
import Foundation

/// `fature status`: what runs and how it is.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the cluster's processes, ports, workers, gateways, shards and schema.",
        discussion: """
            With --data-dir (or in the folder of a cluster started with `fature up`) the processes of this machine too; with \
            --database-url or DATABASE_URL what PostgreSQL knows.

            Example: fature status --json

            Exit status: 0 ready, 1 not ready, 3 nothing runs here, 69 no PostgreSQL, 77 wrong password.
            """)

    @OptionGroup var location: ClusterLocation

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        var report = ClusterReport()
        let isLocal =
            location.databaseUrl == nil
            && (location.dataDir != nil || ClusterLocation.databaseURL(in: ProcessInfo.processInfo.environment) == nil)
        if isLocal {
            guard let holder = try DirectoryLock.holder(of: location.directory), let state = try location.stateIfAny() else {
                throw CommandError(.notRunning, "nothing runs in \(location.directory.path); start it with `fature up`")
            }
            describe(state, holder: holder, in: &report)
        }
        do {
            report.database = try ClusterReport.Database(location.connect("status"))
        } catch {
            guard isLocal else { throw CommandError.explaining(error) }
            report.databaseError = CommandError.explaining(error).message
        }
        if json { try JSONAnswer.print(report) } else { print(report) }
        if !isReady(report) { throw ExitCode(ExitStatus.negative.rawValue) }
    }

    private func describe(_ state: ClusterState, holder: Int32, in report: inout ClusterReport) {
        report.dataDir = location.directory.path
        report.upPid = holder
        report.gatewayUrl = state.gatewayURL
        report.ready = LoopbackClient.get(host: state.gatewayHost, port: state.gatewayPort, path: "/ready")?.status == 200
        let ports = [
            "postgresql": state.postgres?.port, "redis": state.redis?.port, "gateway": state.gatewayPort,
            "coordinator": state.administration?.port,
        ]
        report.processes = state.processes.map { .init(name: $0.name, pid: $0.pid, port: ports[$0.name] ?? nil) }
    }

    /// Without a gateway of our own: every shard has an owner whose lease lasts.
    private func isReady(_ report: ClusterReport) -> Bool {
        guard let database = report.database, database.schemaVersion == database.schemaVersionNeeded else { return false }
        return report.ready
            ?? (database.shardsWithoutOwner == 0
                && database.workers.allSatisfy { $0.shards == 0 || $0.leaseMillisecondsLeft > 0 })
    }

    private func print(_ report: ClusterReport) {
        if let url = report.gatewayUrl, let pid = report.upPid, let folder = report.dataDir {
            Console.answer("\(url)  \(report.ready == true ? "ready" : "NOT ready")  (fature up, pid \(pid), \(folder))\n")
        }
        if !report.processes.isEmpty {
            var table = TextTable(["process", "pid", "port"])
            for process in report.processes {
                table.add([process.name, String(process.pid), process.port.map(String.init) ?? ""])
            }
            Console.answer(table.text + "\n")
        }
        if let error = report.databaseError { Console.answer("database: \(error)") }
        guard let database = report.database else { return }
        var table = TextTable(["worker", "instance", "address", "lease ms", "shards", "affiliates", "epochs"])
        for worker in database.workers {
            let epochs = worker.epochMin.flatMap { low in worker.epochMax.map { low == $0 ? "\(low)" : "\(low)-\($0)" } } ?? ""
            table.add([
                worker.name, String(worker.instance), worker.address, String(worker.leaseMillisecondsLeft), String(worker.shards),
                String(worker.affiliates), epochs,
            ])
        }
        Console.answer(table.text + "\n")
        if !database.gateways.isEmpty { Console.answer(GatewayListCommand.table(database.gateways) + "\n") }
        Console.answer(
            "\(database.affiliates) affiliates, \(database.shardsWithoutOwner) shards without a worker, "
                + "topology \(database.topologyVersion), schema \(database.schemaVersion)"
                + (database.schemaVersion == database.schemaVersionNeeded
                    ? "" : " (this program needs \(database.schemaVersionNeeded): run `fature db migrate`)"))
    }
}
