import Core
import PostgresClient
import Store
import Testing

@Suite struct QueueFiguresTests {
    @Test("figures come back as a worker wrote them, the last ones of each, and go when they are old")
    func roundTrip() async throws {
        let connection = try await StoreDatabase.create().connect()
        var figures = QueueFigures(queue: "commission", worker: "w1", instance: WorkerInstanceID(7))
        figures.waiting = 1
        try figures.write(on: connection)
        figures.shards = 14
        figures.waiting = 2
        figures.inHand = 3
        figures.delayed = 4
        figures.oldestMilliseconds = 5
        figures.taken = 6
        figures.done = 7
        figures.failed = 8
        figures.retried = 9
        figures.dead = 10
        figures.crashed = 11
        figures.released = 12
        figures.batches = 13
        figures.commitMicroseconds = .max
        try figures.write(on: connection)
        var other = figures
        other.worker = "w2"
        other.instance = WorkerInstanceID(8)
        try other.write(on: connection)
        let read = try QueueFigures.read(ageMillisecondsMax: 60_000, on: connection).map { found in
            var found = found
            found.ageMilliseconds = 0
            return found
        }
        #expect(read == [figures, other])
        _ = try connection.execute("UPDATE fature_v2.queue_figures SET at = at - interval '61 seconds' WHERE instance_id = 7")
        #expect(try QueueFigures.read(ageMillisecondsMax: 60_000, on: connection).map(\.worker) == ["w2"])
        _ = try connection.execute("UPDATE fature_v2.queue_figures SET at = at - interval '2 days' WHERE instance_id = 7")
        try other.write(on: connection)
        #expect(try connection.texts("SELECT worker FROM fature_v2.queue_figures") == ["w2"])
    }
}
