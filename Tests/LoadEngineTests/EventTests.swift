import Core
import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("Events", .serialized)
struct EventTests {
    @Test("commands run at their times beside the load, and how they ended is recorded")
    func commandsAreRecorded() throws {
        let server = try NullServer()
        defer { server.stop() }
        var load = TestLoad(count: 2000, rate: 2000)
        load.events = [
            PlannedEvent(atSeconds: 0.5, label: "three", command: ["sh", "-c", "exit 3"]),
            PlannedEvent(atSeconds: 0.1, label: "mark"),
            PlannedEvent(atSeconds: 0.2, label: "sleep", command: ["sleep", "0.3"]),
            PlannedEvent(atSeconds: 0.6, label: "killed", command: ["sh", "-c", "kill -9 $$"]),
            PlannedEvent(atSeconds: 0.7, label: "missing", command: ["/no/such/program"]),
            PlannedEvent(atSeconds: 60, label: "after the end"),
        ]
        let record = try load.run(server.target).run()
        #expect(record.events.map(\.label) == ["mark", "sleep", "three", "killed", "missing"])
        #expect(record.events.map(\.exitStatus) == [nil, 0, 3, 137, 127])
        for (event, planned) in zip(record.events, [0.1, 0.2, 0.5, 0.6, 0.7]) { #expect(event.atSeconds >= planned) }
        #expect(try #require(record.events[1].tookSeconds) >= 0.3)
        #expect(record.outcomes[.ok] == 2000)
    }
}
