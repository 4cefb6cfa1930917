import Glibc

/// A small server over TLS, with a certificate that an authority of its own has signed. It has one page, `/index.html`.
package final class TLSServer: Sendable {
    package enum Protocols: Sendable {
        /// nghttpd, which offers `h2`.
        case http2
        /// openssl's server, which knows no ALPN.
        case http1
    }

    package let port: Int
    /// PEM file of the authority.
    package let authority: String
    private let scratch: ScratchFolder
    private let process: ServerProcess

    /// Of `/index.html`, in bytes.
    package static let pageBytes = 1000
    /// How often another port is tried when somebody was faster.
    private static let ports = 5

    /// - Parameter names: whom the certificate is for, as `subjectAltName` has them: `DNS:localhost,IP:127.0.0.1`.
    package init(names: String, speaks protocols: Protocols = .http2) throws {
        let scratch = try ScratchFolder("tls")
        let (key, certificate) = try Self.makeCertificate(names: names, in: scratch.path)
        try ChildProcess.write(String(repeating: "x", count: Self.pageBytes), to: "\(scratch.path)/index.html")
        self.scratch = scratch
        authority = "\(scratch.path)/authority.pem"
        var attempt = 1
        while true {
            let port = try ScratchServer.freePort()
            let command =
                switch protocols {
                case .http2: ["nghttpd", "-a", "127.0.0.1", "-d", scratch.path, "\(port)", key, certificate]
                case .http1:
                    ["openssl", "s_server", "-quiet", "-accept", "127.0.0.1:\(port)", "-key", key, "-cert", certificate, "-www"]
                }
            let log = "\(scratch.path)/server-\(attempt).log"
            let process = try ServerProcess(log: log, command: command)
            do {
                try ScratchServer.awaitReady(process, log: log) { Self.isListening(port) }
                self.port = port
                self.process = process
                return
            } catch {
                process.end()
                guard attempt < Self.ports else { throw error }
                attempt += 1
            }
        }
    }

    package func stop() { process.end() }

    /// An authority, and a key with a certificate that it has signed. Gives the paths of the latter two.
    private static func makeCertificate(names: String, in folder: String) throws -> (key: String, certificate: String) {
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try ChildProcess.write("subjectAltName=\(names)\nbasicConstraints=critical,CA:FALSE\n", to: "\(folder)/extensions")
        let steps = [
            ["req", "-x509"] + newKey + [
                "-days", "2", "-subj", "/CN=An authority of tests", "-keyout", "\(folder)/authority.key", "-out",
                "\(folder)/authority.pem",
            ],
            ["req"] + newKey + ["-subj", "/CN=fature", "-keyout", "\(folder)/server.key", "-out", "\(folder)/server.csr"],
            [
                "x509", "-req", "-days", "2", "-in", "\(folder)/server.csr", "-CA", "\(folder)/authority.pem", "-CAkey",
                "\(folder)/authority.key", "-CAcreateserial", "-extfile", "\(folder)/extensions", "-out",
                "\(folder)/server.pem",
            ],
        ]
        for step in steps { try ChildProcess.run(["openssl"] + step, log: "\(folder)/openssl.log") }
        return ("\(folder)/server.key", "\(folder)/server.pem")
    }

    private static func isListening(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
