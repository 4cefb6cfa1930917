import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import ClusterTLS

/// Real bytes over real sockets: who gets through to a worker, and whom a gateway believes.
@Suite(.serialized) struct HandshakeTests {
    /// Waits for what is logged or counted on another thread a little later. There is nobody who would tell.
    private func eventually(_ isSo: () -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(20)
        while !isSo() {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    @Test("a gateway of the cluster asks the worker that it means, and is answered")
    func works() async throws {
        let test = try TestAuthority()
        let server = try await EchoServer(test.credentials(.worker, "w1"))
        let gateway = TLSConnector(try await test.credentials(.gateway, "g1"))
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))
        // More than a record, and more than a socket takes at once.
        let long = String(repeating: "0123456789abcdef", count: 100_000)
        #expect(try await Caller.ask(long, port: server.port, connector: gateway) == .answered(long))
        #expect(server.log.lines == [])
        try await server.stop()
    }

    @Test("a worker lets nobody in but gateways of its cluster, says why, and serves on")
    func strangers() async throws {
        let test = try TestAuthority()
        let foreign = try TestAuthority()
        let server = try await EchoServer(test.credentials(.worker, "w1"))
        let gateway = TLSConnector(try await test.credentials(.gateway, "g1"))
        // Another cluster under the same authority: possible only for who has its key.
        let elsewhere = try test.sign(cluster: "elsewhere", role: "gateway", name: "g1")
        let nameless = try test.sign(cluster: "test", role: "nobody", name: "g1")
        let cases: [(cause: String, prepare: @Sendable (any Channel) throws -> Void)] = [
            ("no-certificate", Caller.careless()),
            ("foreign-authority", Caller.careless(try foreign.issue(.gateway, "g1"))),
            ("expired", Caller.careless(try test.issue(.gateway, "late", from: -2, until: -1))),
            ("not-yet-valid", Caller.careless(try test.issue(.gateway, "early", from: 0.5, until: 1))),
            ("wrong-role", Caller.careless(try test.issue(.worker, "w2"))),
            ("wrong-role", Caller.careless(try test.issue(.coordinator, "c1"))),
            ("wrong-cluster", Caller.careless(elsewhere)),
            ("no-identity", Caller.careless(nameless)),
            ("old-tls", Caller.careless(try test.issue(.gateway, "old"), versionMax: .tlsv12)),
            ("not-tls", { _ in }),
        ]
        var causes: [String] = []
        for (cause, prepare) in cases {
            let outcome = try await Caller.ask(port: server.port, prepare: prepare)
            #expect(outcome == .dropped || outcome == .refused, "\(cause): \(outcome)")
            if !causes.contains(cause) { causes.append(cause) }
            #expect(try await eventually { server.log.causes.count >= causes.count }, "\(cause): \(server.log.lines)")
            #expect(server.log.causes == causes, "\(server.log.lines)")
        }
        // Each cause once, and not one byte came through.
        #expect(server.seen.connections == 0 && server.seen.bytes == 0)
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))
        try await server.stop()
    }

    @Test("OpenSSL's client gets through by TLS 1.3 with a gateway's certificate, and not by a session that it has kept")
    func openssl() async throws {
        let test = try TestAuthority()
        let server = try await EchoServer(test.credentials(.worker, "w1"))
        let gateway = try test.issue(.gateway, "g1")
        let session = "\(test.folder.path)/session"
        let first = try OpenSSLClient.say("how many?", port: server.port, as: gateway, "-sess_out", session)
        #expect(first.contains("how many?\n") && first.contains("New, TLSv1.3"), "\(first)")
        #expect(server.seen.connections == 1)
        try #require(FileManager.default.fileExists(atPath: session), "no session was kept: \(first)")
        let second = try OpenSSLClient.say("how many?", port: server.port, as: gateway, "-sess_in", session)
        // Either a whole handshake again, or nothing.
        if second.contains("Reused, TLSv1.3") {
            #expect(!second.contains("how many?\n"), "\(second)")
            #expect(server.seen.connections == 1)
            #expect(try await eventually { server.log.causes == ["unjudged"] }, "\(server.log.lines)")
        } else {
            #expect(second.contains("New, TLSv1.3"), "\(second)")
        }
        let old = try OpenSSLClient.say("how many?", port: server.port, as: gateway, "-tls1_2")
        #expect(!old.contains("how many?\n"))
        #expect(try await eventually { server.log.causes.contains("old-tls") }, "\(server.log.lines)")
        try await server.stop()
    }

    @Test("a gateway believes the worker of that name alone")
    func impostors() async throws {
        let test = try TestAuthority()
        let foreign = try TestAuthority()
        let gateway = TLSConnector(try await test.credentials(.gateway, "g1"))
        func refusal(of port: Int, worker: String = "w1") async throws -> [String] {
            let log = LogRecorder()
            let connector = TLSConnector(try await test.credentials(.gateway, "g1"))
            let outcome = try await Caller.ask(port: port, worker: worker, connector: connector, logger: log.logger)
            #expect(outcome == .refused)
            return log.causes
        }
        let second = try await EchoServer(test.credentials(.worker, "w2"))
        #expect(try await Caller.ask(port: second.port, worker: "w2", connector: gateway) == .answered("how many?"))
        #expect(try await refusal(of: second.port) == ["wrong-name"])
        try await second.stop()
        let stranger = try await EchoServer(foreign.credentials(.worker, "w1"))
        #expect(try await refusal(of: stranger.port) == ["foreign-authority"])
        try await stranger.stop()
        let plain = try await EchoServer(nil)
        // It sends our own hello back, which is no answer of a server.
        #expect(try await refusal(of: plain.port).count == 1)
        try await plain.stop()
        // A gateway's certificate at a worker's address.
        let disguised = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Caller.carelessServer(test.paths("g1"), on: channel)
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        #expect(try await refusal(of: disguised.localAddress?.port ?? 0) == ["wrong-role"])
        try await disguised.close()
    }

    @Test("a worker that says no after the handshake is heard, and the connection ends")
    func lateRefusal() async throws {
        let test = try TestAuthority()
        let other = try TestAuthority()
        let server = try await EchoServer(test.credentials(.worker, "w1"))
        // A gateway that trusts both authorities, of a worker that trusts one.
        let paths = try other.issue(.gateway, "g1")
        let both = try test.authority.certificateText + other.authority.certificateText
        try CredentialFile.write(both, to: paths.authority, readers: .everybody, isReplacing: true)
        let log = LogRecorder()
        let connector = TLSConnector(
            try await ClusterCredentials(paths, role: .gateway, name: nil, logger: log.logger))
        #expect(try await Caller.ask(port: server.port, connector: connector, logger: log.logger) == .dropped)
        #expect(log.causes == ["refused-by-peer"], "\(log.lines)")
        #expect(try await eventually { server.log.causes == ["foreign-authority"] }, "\(server.log.lines)")
        #expect(server.seen.connections == 0)
        let gateway = TLSConnector(try await test.credentials(.gateway, "g1"))
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))
        try await server.stop()
    }

    @Test("without certificates nothing is sent beyond loopback")
    func plaintext() async throws {
        let server = try await EchoServer(nil)
        let log = LogRecorder()
        let connector = TLSConnector()
        #expect(try await Caller.ask(port: server.port, connector: connector) == .answered("how many?"))
        let outcome = try await Caller.ask(port: server.port, connector: connector, host: "10.0.0.7", logger: log.logger)
        #expect(outcome == .refused && log.causes == ["plaintext-beyond-loopback"])
        #expect(server.seen.connections == 1)
        try await server.stop()
    }

    @Test("a handshake that is not done in time loses its place, and others are served meanwhile")
    func slowHandshakes() async throws {
        let test = try TestAuthority()
        let server = try await EchoServer(test.credentials(.worker, "w1"), places: 8, limit: .seconds(4))
        let gateway = TLSConnector(try await test.credentials(.gateway, "g1"))
        var idle: [any Channel] = []
        for _ in 0..<20 {
            idle.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
                    host: "127.0.0.1", port: server.port
                )
                .get())
        }
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))
        for channel in idle { try await channel.closeFuture.get() }
        #expect(try await eventually { Set(server.log.causes) == ["crowded-out", "too-slow"] }, "\(server.log.lines)")
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))
        try await server.stop()
    }

    @Test("a new certificate counts from the next connection on, and an old connection goes on")
    func rotation() async throws {
        let test = try TestAuthority()
        let serverCredentials = try await test.credentials(.worker, "w1")
        let server = try await EchoServer(serverCredentials)
        let gatewayCredentials = try await test.credentials(.gateway, "g1")
        let gateway = TLSConnector(gatewayCredentials)
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))

        // A new authority, trusted beside the old one; then it alone.
        let newer = try TestAuthority()
        let both = try test.authority.certificateText + newer.authority.certificateText
        try CredentialFile.write(both, to: test.folder.authority, readers: .everybody, isReplacing: true)
        await serverCredentials.readAgain()
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))
        let issued = try newer.authority.issue(role: .worker, name: "w1", hosts: [CertificateHost("127.0.0.1")], days: 1)
        try CredentialFile.write(issued.keyText, to: serverCredentials.paths.key, readers: .owner, isReplacing: true)
        try CredentialFile.write(
            issued.certificateText, to: serverCredentials.paths.certificate, readers: .everybody, isReplacing: true)
        await serverCredentials.readAgain()
        // The gateway does not trust the new authority yet.
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .refused)
        await gatewayCredentials.readAgain()
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .answered("how many?"))
        try CredentialFile.write(
            newer.authority.certificateText, to: test.folder.authority, readers: .everybody, isReplacing: true)
        await serverCredentials.readAgain()
        // Now the gateway is a stranger: its certificate is by the old authority.
        #expect(try await Caller.ask(port: server.port, connector: gateway) == .dropped)
        #expect(try await eventually { server.log.causes.last == "foreign-authority" }, "\(server.log.lines)")
        try await server.stop()
    }
}
