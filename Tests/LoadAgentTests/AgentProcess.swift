import ClusterSupport
import Foundation
import TestServers

/// `fature loadtest agent` on a host of its own.
final class AgentProcess: Sendable {
    let host: NetworkHost
    private let scratch: ScratchFolder
    private let process: ServerProcess
    private var path: String { "\(scratch.path)/log" }

    static let port = 7400
    var name: String { "\(host.address):\(Self.port)" }
    var log: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// Returns when it listens.
    init(on host: NetworkHost, tokenFile: String) throws {
        self.host = host
        scratch = try ScratchFolder("agent")
        let command = [
            try TestCluster.executable(), "loadtest", "agent", "--listen", "\(host.address):\(Self.port)", "--token-file",
            tokenFile,
        ]
        process = try ServerProcess(log: "\(scratch.path)/log", command: host.inside(command))
        try TestCluster.wait("agent \(name) listens: \(log)") { log.contains("listening on \(name)") }
    }

    deinit { process.end() }

    func kill() { Foundation.kill(process.pid, SIGKILL) }
}
