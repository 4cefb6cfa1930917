import Core
import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("Outcomes", .serialized)
struct OutcomeTests {
    @Test("each kind of answer, and of none, is counted apart")
    func kindsAreCountedApart() throws {
        let paths = ["/ok", "/moved", "/missing", "/broken", "/refused-stream", "/reset", "/silence", "/expected"]
        let server = try NullServer { request in
            switch request.path {
            case "/moved": .status(302)
            case "/missing": .status(404)
            case "/broken": .status(503)
            case "/refused-stream": .reset(7)
            case "/reset": .reset(2)
            case "/silence": .silence
            case "/expected": .status(409)
            default: .status(200)
            }
        }
        defer { server.stop() }
        let load = TestLoad(paths: paths, count: 800, rate: 4000, connections: 2, timeoutMilliseconds: 500)
        var scenario = load.scenario
        scenario.operations[7].expectedStatuses = [409]
        let run = LoadRun(
            scenario, times: EvenTimes(800, rate: 4000), source: PathSource(paths), target: server.target,
            environment: ThisMachine.environment(target: server.target))
        let record = try run.run()
        let expected: [Outcome] = [.ok, .redirect, .refused, .failed, .refusedStream, .reset, .timeout, .ok]
        for (operation, outcome) in zip(record.operations, expected) {
            #expect(operation.outcomes[outcome] == 100, "\(operation.name): \(operation.outcomes.counts)")
            #expect(operation.outcomes.total == 100)
            let hasAnswer = outcome.rawValue <= Outcome.failed.rawValue
            #expect(operation.response.count == (hasAnswer ? 100 : 0))
        }
        #expect(record.operations[7].statuses == [409: 100])
        #expect(record.operations[3].statuses == [503: 100])
    }

    @Test("GOAWAY: streams above the last one are refused, another connection takes the place, nothing else is hurt")
    func goAway() throws {
        let server = try NullServer { $0.number == 50 ? .goAway : .status(200) }
        defer { server.stop() }
        let record = try TestLoad(count: 1000, rate: 2000).run(server.target).run()
        #expect(record.outcomes[.refusedStream] >= 1)
        #expect(record.outcomes[.ok] + record.outcomes[.refusedStream] == 1000)
        #expect(record.outcomes[.ok] >= 50)
        #expect(record.agents[0].goAways == 1 && record.agents[0].connectionsLost == 0)
    }

    @Test("a connection that ends loses its requests, is opened again, and hurts no other")
    func lostConnection() throws {
        let server = try NullServer { request in
            request.connection == 0 ? (request.number < 100 ? .silence : .close) : .status(200)
        }
        defer { server.stop() }
        let record = try TestLoad(count: 2000, rate: 2000, connections: 2).run(server.target).run()
        #expect(record.outcomes[.lost] >= 1)
        #expect(record.outcomes[.lost] + record.outcomes[.ok] == 2000)
        #expect(record.agents[0].connectionsLost == 1 && record.agents[0].goAways == 0)
    }

    @Test("while nobody is there requests wait; they are sent when the target is back within their time, else unsent")
    func everythingDown() throws {
        let first = try NullServer()
        let port = first.port
        let run = TestLoad(count: 3000, rate: 1000, timeoutMilliseconds: 500).run(first.target)
        var second: NullServer?
        // After the first second the server is gone, after the next one another has its place.
        let record = try run.run { picture in
            if second == nil, picture.windows.count >= 2 {
                second = try? NullServer(port: port)
            }
            first.stop()
        }
        second?.stop()
        #expect(second != nil)
        #expect(record.outcomes[.unsent] > 0)
        #expect(record.outcomes[.ok] > 20)
        #expect(record.outcomes.total == 3000)
        let gap = try #require(record.longestGap)
        #expect(gap.seconds > 0.5)
        // Those that found the target again in time have waited, which is no slip.
        #expect(record.operations[0].waited.count > 0)
    }

    @Test("a body that an observer wants is handed over whole; others are counted and forgotten")
    func bodies() throws {
        final class Watcher: AnswerObserver, @unchecked Sendable {
            var bodies: [Int: Int] = [:]
            var sent = 0
            var answered = 0
            func wantsBody(operation: Int, number: Int) -> Bool { number % 10 == 3 }
            func sent(operation: Int, number: Int) { sent += 1 }
            func answered(operation: Int, number: Int, outcome: Outcome, status: Int, body: UnsafeRawBufferPointer) {
                answered += 1
                if body.count > 0 { bodies[number] = body.count }
            }
        }
        let server = try NullServer(bodyBytes: 50_000)
        defer { server.stop() }
        let watcher = Watcher()
        let record = try TestLoad(count: 100, rate: 1000).run(server.target, observer: watcher).run()
        #expect(watcher.bodies == Dictionary(uniqueKeysWithValues: (0..<10).map { ($0 * 10 + 3, 50_000) }))
        #expect(watcher.sent == 100 && watcher.answered == 100)
        #expect(record.operations[0].bytes == 5_000_000)
    }
}
