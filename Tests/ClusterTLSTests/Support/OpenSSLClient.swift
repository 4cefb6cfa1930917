import Foundation
import TestServers

@testable import ClusterTLS

/// OpenSSL's own client: another implementation of TLS at the other end.
enum OpenSSLClient {
    private static let secondsMax: Double = 20

    /// Connects, says a line, and gives everything that the client shows until the line comes back or the connection ends.
    static func say(_ line: String, port: Int, as paths: CredentialPaths, _ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [
                "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-cert", paths.certificate, "-key",
                paths.key,
                "-CAfile", paths.authority, "-verify_return_error",
            ] + arguments
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let pid = process.processIdentifier
        let overtime = DispatchWorkItem { kill(pid, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + secondsMax, execute: overtime)
        defer { overtime.cancel() }
        try input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8))
        var shown = Data()
        while case let part = output.fileHandleForReading.availableData, !part.isEmpty {
            shown += part
            if String(decoding: shown, as: UTF8.self).contains("\(line)\n") { break }
        }
        try input.fileHandleForWriting.close()
        shown += try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: shown, as: UTF8.self)
    }
}
