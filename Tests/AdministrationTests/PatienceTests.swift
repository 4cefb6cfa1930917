import Administration
import ClusterSupport
import Foundation
import Logging
import Testing

@testable import Coordinator

/// A coordinator's listener in this process, with little patience, and a PostgreSQL that is not there.
@Suite("The operators' listener and its patience")
struct PatienceTests {
    private static let token = String(repeating: "a", count: 40)

    private func withServer(
        _ limits: AdministrationLimits, _ body: @escaping @Sendable (Int) throws -> Void
    ) async throws {
        let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        let server = try await AdministrationServer.start(
            AdministrationConfiguration(
                address: AdministrationAddress("127.0.0.1:0"), token: AdministrationToken(Self.token), credentials: nil,
                limits: limits),
            databaseURL: "postgresql://nobody@127.0.0.1:1/none", logger: logger)
        let port = server.port
        do { try await TestCluster.blocking { try body(port) } } catch {
            await server.shutDown(logger: logger)
            throw error
        }
        await server.shutDown(logger: logger)
    }

    private static func head(_ line: String, _ more: String = "") -> String {
        "\(line) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\ncontent-type: application/json\r\n\(more)\r\n"
    }

    @Test("silence and half a head end the connection; half a body is answered 408")
    func slow() async throws {
        var limits = AdministrationLimits()
        limits.idleMilliseconds = 1_000
        limits.requestMilliseconds = 1_000
        try await withServer(limits) { port in
            let silent = try PlainSocket(port: port)
            #expect(silent.hearOut() == "")
            let half = try PlainSocket(port: port)
            half.say("GET /admin/v1/health HTTP/1.1\r\nhost:")
            #expect(half.hearOut() == "")
            let late = try PlainSocket(port: port)
            late.say(Self.head("POST /admin/v1/rebalance/plans", "content-length: 10\r\n") + "{\"dr")
            #expect(late.status() == 408)
        }
    }

    @Test(
        "no stranger holds the end up: without the token a head is the end, and half a request is answered that nothing was done")
    func ending() async throws {
        let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        let server = try await AdministrationServer.start(
            AdministrationConfiguration(
                address: AdministrationAddress("127.0.0.1:0"), token: AdministrationToken(Self.token), credentials: nil),
            databaseURL: "postgresql://nobody@127.0.0.1:1/none", logger: logger)
        let ended = try await TestCluster.blocking {
            let half = try PlainSocket(port: server.port)
            half.say(Self.head("POST /admin/v1/rebalance/plans", "content-length: 10\r\n") + "{")
            let strangers = [
                ("POST /admin/v1/workers/w1/cordon HTTP/1.1\r\nhost: x\r\n", 401),
                (Self.head("POST /admin/v1/rebalance/plans").replacing("\r\n\r\n", with: "\r\norigin: null\r\n"), 403),
            ]
            for (head, status) in strangers {
                let socket = try PlainSocket(port: server.port)
                socket.say(head + "content-length: 10\r\n\r\n{")
                #expect(socket.status() == status)
            }
            let begun = ContinuousClock.now
            let end = Task {
                await server.shutDown(logger: logger)
                return ContinuousClock.now - begun
            }
            let text = half.hearOut() ?? ""
            #expect(text.hasPrefix("HTTP/1.1 503 ") && text.contains("/problems/shutting-down"), "\(text)")
            return end
        }
        // What is at work would have 8 s.
        #expect(await ended.value < .seconds(5))
    }

    @Test("without PostgreSQL everything is 503 and says that nothing was changed")
    func noDatabase() async throws {
        try await withServer(AdministrationLimits()) { port in
            for line in ["GET /admin/v1/workers", "POST /admin/v1/workers/w1/cordon"] {
                let socket = try PlainSocket(port: port)
                socket.say(Self.head(line, "connection: close\r\n"))
                let text = socket.hearOut() ?? ""
                #expect(text.hasPrefix("HTTP/1.1 503 ") && text.contains("/problems/database-unavailable"), "\(text)")
                #expect(text.contains("retry-after: 1") && !text.contains("nobody@"), "\(text)")
            }
        }
    }

    @Test("a request that takes longer than it may is given up, and who changes something is told to look")
    func tooLong() async throws {
        var limits = AdministrationLimits()
        // PostgreSQL is waited for for a second.
        limits.requestMilliseconds = 50
        try await withServer(limits) { port in
            for (line, status, type) in [
                ("GET /admin/v1/workers", 504, "deadline-exceeded"), ("POST /admin/v1/workers/w1/cordon", 503, "outcome-unknown"),
            ] {
                let socket = try PlainSocket(port: port)
                socket.say(Self.head(line))
                let text = socket.hearOut() ?? ""
                #expect(text.hasPrefix("HTTP/1.1 \(status) ") && text.contains("/problems/\(type)"), "\(text)")
            }
        }
    }

    @Test("the answer to HEAD has no body")
    func head() async throws {
        try await withServer(AdministrationLimits()) { port in
            let socket = try PlainSocket(port: port)
            socket.say(Self.head("HEAD /admin/v1/workers", "connection: close\r\n"))
            let text = socket.hearOut() ?? ""
            #expect(text.hasPrefix("HTTP/1.1 405 ") && text.hasSuffix("\r\n\r\n"), "\(text)")
        }
    }
}
