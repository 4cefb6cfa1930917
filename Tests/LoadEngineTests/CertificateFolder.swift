import Core
import Foundation

@testable import LoadEngine

/// Certificates made by openssl, and servers that show them.
struct CertificateFolder {
    struct Server {
        let port: Int
        let certificate: String
        let process: Process

        func stop() {
            // nghttpd does not heed SIGTERM.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    struct Failure: Error { let what: String }

    static let pageBytes = 1000
    private let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/fature-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try String(repeating: "x", count: Self.pageBytes).write(toFile: path + "/index.html", atomically: true, encoding: .utf8)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// - Parameters:
    ///   - names: as `subjectAltName` has them.
    ///   - speaksHTTP2: nghttpd; else openssl's server, which knows no ALPN.
    func start(names: String, speaksHTTP2: Bool = true) throws -> Server {
        let name = UUID().uuidString
        let key = "\(path)/\(name).key"
        let certificate = "\(path)/\(name).pem"
        let making = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                certificate,
                "-days", "2", "-subj", "/CN=fature", "-addext", "subjectAltName=\(names)",
            ])
        making.waitUntilExit()
        guard making.terminationStatus == 0 else { throw Failure(what: "openssl makes no certificate") }
        let (listener, port) = try listeningSocket(host: "127.0.0.1", port: 0)
        close(listener)
        let server =
            try speaksHTTP2
            ? run("nghttpd", ["-a", "127.0.0.1", "-d", path, "\(port)", key, certificate])
            : run("openssl", ["s_server", "-quiet", "-accept", "127.0.0.1:\(port)", "-key", key, "-cert", certificate, "-www"])
        let deadline = Deadline.after(milliseconds: 10_000)
        while !deadline.hasPassed {
            guard server.isRunning else { throw Failure(what: "the server has ended") }
            let address = try SocketAddress(host: "127.0.0.1", port: port)
            let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(probe) }
            if address.with({ connect(probe, $0, $1) }) == 0 {
                return Server(port: port, certificate: certificate, process: server)
            }
            usleep(10_000)
        }
        throw Failure(what: "the server does not listen")
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }
}
