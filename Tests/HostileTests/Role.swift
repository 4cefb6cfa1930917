import Foundation

/// What kept the cluster of these tests from doing what they need.
struct ClusterError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A process of the built `fature`. It ends with this process, whatever happens: its standard input closes.
final class Role: @unchecked Sendable {
    // @unchecked: `Process` and `Pipe` are used for starting and stopping, one at a time.
    let name: String
    private let process = Process()
    private let lifeline = Pipe()
    private let log: String

    var pid: pid_t { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    /// The executable that was built beside the tests.
    static func executable() throws -> String {
        let ourselves = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let path = ourselves.appendingPathComponent("fature").path
        guard access(path, X_OK) == 0 else { throw ClusterError("\(path) is not built") }
        return path
    }

    init(_ name: String, _ arguments: [String], databaseURL: String, folder: String) throws {
        self.name = name
        log = "\(folder)/\(name).log"
        try Data().write(to: URL(fileURLWithPath: log))
        process.executableURL = URL(fileURLWithPath: try Self.executable())
        process.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        environment["DATABASE_URL"] = databaseURL
        environment["REDIS_URL"] = nil
        process.environment = environment
        process.standardInput = lifeline
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardError = process.standardOutput
        try process.run()
    }

    /// Runs a command to its end.
    static func run(_ name: String, _ arguments: [String], databaseURL: String, folder: String) throws {
        let role = try Role(name, arguments, databaseURL: databaseURL, folder: folder)
        role.process.waitUntilExit()
        guard role.process.terminationStatus == 0 else {
            throw ClusterError("fature \(arguments.joined(separator: " ")) failed:\n\(role.output)")
        }
    }

    /// The port in its log, once it listens.
    func listeningPort() throws -> Int {
        try wait("the port of \(name)", seconds: 30) {
            guard self.isRunning else { throw ClusterError("\(self.name) has ended:\n\(self.output)") }
            for line in self.output.split(separator: "\n") where line.contains("\"message\":\"listening\"") {
                let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
                if let port = object?["port"].flatMap({ Int($0) }) { return port }
            }
            return nil
        }
    }

    /// Resident memory, bytes.
    var residentBytes: Int {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Stops the process and returns once all its threads stand still: the signal alone lets a request through now and then.
    func freeze() throws {
        signal(SIGSTOP)
        _ = try wait("the stop of \(pid)", seconds: 10) {
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
            let isStill = try threads.allSatisfy { thread in
                let status = try String(contentsOfFile: "/proc/\(pid)/task/\(thread)/stat", encoding: .utf8)
                return status.split(separator: ")").last?.hasPrefix(" T") == true
            }
            return isStill ? true : nil
        }
    }

    /// Ends it now.
    func end() {
        signal(SIGCONT)
        process.terminate()
        for _ in 0..<100 where process.isRunning { usleep(50_000) }
        if process.isRunning { signal(SIGKILL) }
        process.waitUntilExit()
    }
}

/// Asks again every few milliseconds until there is an answer.
func wait<T>(_ what: String, seconds: Double, until answer: () throws -> T?) throws -> T {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
        if let found = try answer() { return found }
        usleep(20_000)
    }
    throw ClusterError("\(what) did not come within \(seconds) s")
}
