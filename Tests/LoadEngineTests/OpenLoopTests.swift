import Core
import Glibc
import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("The open loop", .serialized)
struct OpenLoopTests {
    @Test("every planned request is sent once and counted once, in its window")
    func everyRequestIsCounted() throws {
        let server = try NullServer(bodyBytes: 10)
        defer { server.stop() }
        let record = try TestLoad(paths: ["/a", "/b"], count: 5000, rate: 2500, connections: 3).run(server.target).run()
        #expect(record.planned == 5000)
        #expect(record.outcomes[.ok] == 5000 && record.outcomes.total == 5000)
        #expect(record.operations.map(\.planned) == [2500, 2500])
        #expect(record.operations.map(\.bytes) == [25_000, 25_000])
        #expect(record.operations[0].statuses == [200: 2500])
        for operation in record.operations {
            #expect(operation.response.count == 2500 && operation.service.count == 2500 && operation.slip.count == 2500)
            #expect(operation.response.max >= operation.service.max)
        }
        #expect(record.windows.map(\.planned) == [2500, 2500])
        #expect(record.windows.map(\.outcomes.total) == [2500, 2500])
        #expect(record.windows.map(\.response.count) == [2500, 2500])
        #expect(record.seconds == 2)
        #expect(record.agents[0].sent == 5000)
        server.stop()
        #expect(server.requests == 5000)
    }

    @Test("the warm-up is sent and not counted")
    func warmUpIsNotCounted() throws {
        let server = try NullServer()
        let record = try TestLoad(count: 3000, rate: 2000, warmUpSeconds: 0.5).run(server.target).run()
        server.stop()
        #expect(server.requests == 3000)
        #expect(record.planned == 2000 && record.outcomes[.ok] == 2000 && record.seconds == 1)
    }

    @Test("with max in flight reached, the rest is overflow, exactly")
    func overflowIsExact() throws {
        let server = try NullServer { _ in .silence }
        defer { server.stop() }
        let record = try TestLoad(count: 500, rate: 1000, maxInFlight: 20, timeoutMilliseconds: 1500).run(server.target).run()
        #expect(record.planned == 500 && record.overflow == 480)
        #expect(record.outcomes[.timeout] == 20 && record.outcomes.total == 20)
        #expect(record.windows[0].inFlightMax == 20 && record.windows[0].overflow == 480)
    }

    @Test("requests that find no stream wait: that is no slip, and what never finds one is unsent")
    func streamLimitIsRespected() throws {
        let server = try NullServer(streamsMax: 3) { _ in .silence }
        defer { server.stop() }
        let record = try TestLoad(count: 100, rate: 1000, connections: 2, timeoutMilliseconds: 400).run(server.target).run()
        // Six streams are taken at once; when their patience ends, so does that of the others, within the same 100 ms.
        #expect(record.outcomes[.timeout] + record.outcomes[.unsent] == 100)
        #expect(record.outcomes[.timeout] >= 6)
        #expect(record.operations[0].slip.count == UInt64(record.outcomes[.timeout]))
        #expect(record.operations[0].waited.count == UInt64(record.outcomes[.timeout] - 6))
    }

    @Test("what is due at one moment leaves at once, on one connection too, and waits for no answer")
    func neighboursLeaveTogether() throws {
        let server = try NullServer { _ in .silence }
        defer { server.stop() }
        let load = TestLoad(count: 50, rate: 1_000_000, seconds: 0.5, timeoutMilliseconds: 400)
        let record = try load.run(server.target).run()
        #expect(record.outcomes[.timeout] == 50 && record.operations[0].waited.isEmpty)
        server.stop()
        #expect(server.requests == 50)
    }

    @Test("an aborted run ends its load, waits for what is under way, and says why")
    func abortDrains() throws {
        let server = try NullServer()
        defer { server.stop() }
        let run = try TestLoad(count: 100_000, rate: 1000).run(server.target).prepare()
        let stop = run.stop
        let record = run.run { _ in stop.abort("enough") }
        #expect(record.aborted == "enough")
        #expect(record.outcomes[.ok] == record.planned && record.planned < 100_000)
        #expect(record.seconds < 100 && record.windows.count == Int(record.seconds.rounded(.up)))
    }

    @Test("a second order to abort ends the run at once; what is under way is lost")
    func secondAbortEndsAtOnce() throws {
        let server = try NullServer { _ in .silence }
        defer { server.stop() }
        let run = try TestLoad(count: 100_000, rate: 1000, timeoutMilliseconds: 60_000).run(server.target).prepare()
        let stop = run.stop
        let record = run.run { _ in
            stop.abort("one")
            stop.abort("two")
        }
        #expect(record.aborted == "one")
        #expect(record.outcomes[.lost] > 0 && record.outcomes[.lost] + record.outcomes[.unsent] == record.planned)
    }

    @Test("a run that is prepared and then dropped sends nothing and closes its connections")
    func dropped() throws {
        let server = try NullServer()
        defer { server.stop() }
        do { _ = try TestLoad(count: 100, connections: 3).run(server.target).prepare() }
        let deadline = Deadline.after(milliseconds: 10_000)
        while server.connections > 0, !deadline.hasPassed { usleep(1000) }
        #expect(server.connections == 0 && server.requests == 0)
    }

    @Test("a run that is stopped before it begins sends nothing")
    func stoppedBeforeItBegins() throws {
        let server = try NullServer()
        defer { server.stop() }
        let run = try TestLoad(count: 100_000, rate: 1000).run(server.target).prepare()
        run.stop.abort("not wanted")
        let record = run.run()
        #expect(record.aborted == "not wanted" && record.planned == 0)
    }

    @Test("in a closed loop exactly so many are in flight, and each answer brings the next request")
    func closedLoop() throws {
        let server = try NullServer()
        defer { server.stop() }
        let record = try TestLoad(closedInFlight: 7, seconds: 1, connections: 2).run(server.target).run()
        #expect(record.windows[0].inFlightMax == 7)
        #expect(record.planned > 7 && record.outcomes[.ok] == record.planned && record.overflow == 0)
        #expect(record.operations[0].response.count == UInt64(record.planned))
    }

    @Test("a run ends early when an objective cannot be met any more")
    func endsEarly() throws {
        let server = try NullServer { $0.number == 10 ? .status(500) : .status(200) }
        defer { server.stop() }
        var load = TestLoad(count: 100_000, rate: 1000)
        load.objectives = [Objective(text: "errors==0", operation: nil, metric: .errors, comparison: .equal, bound: 0)]
        let record = try load.run(server.target, endsEarly: true).run()
        #expect(record.aborted == "objective 'errors==0' cannot be met any more")
        #expect(record.outcomes[.failed] == 1 && record.planned < 100_000)
    }

    @Test("a generator that was away is late with what it could not send, too: overflow is no excuse")
    func overflowSlips() throws {
        let server = try NullServer()
        defer { server.stop() }
        // Half a second away, of which nearly all requests overflow: those that are sent afterwards are in time.
        final class Sleeper: AnswerObserver, @unchecked Sendable {
            func wantsBody(operation: Int, number: Int) -> Bool { false }
            func sent(operation: Int, number: Int) { if number == 1000 { usleep(500_000) } }
            func answered(operation: Int, number: Int, outcome: Outcome, status: Int, body: UnsafeRawBufferPointer) {}
        }
        let record = try TestLoad(count: 4000, rate: 2000, maxInFlight: 50).run(server.target, observer: Sleeper()).run()
        let one = record.operations[0]
        #expect(one.overflow >= 500)
        #expect(one.slip.count == UInt64(one.planned))
        #expect(one.slip.percentile(90) >= 100_000)
    }
}
