import Logging
import Synchronization
import Testing

@testable import ClusterTLS

struct PlaceTests {
    @Test("when all places are taken, the oldest of the host with most of them goes")
    func eviction() {
        let places = HandshakePlaces(countMax: 4)
        let evicted = EvictedNames()
        let honest = places.enter(host: "honest") { evicted.add("honest") }
        for number in 1...3 { _ = places.enter(host: "stranger") { evicted.add("stranger \(number)") } }
        _ = places.enter(host: "late") { evicted.add("late") }
        #expect(evicted.names == ["stranger 1"])
        _ = places.enter(host: "late") { evicted.add("late") }
        #expect(evicted.names == ["stranger 1", "stranger 2"])
        #expect(places.count == 4)
        places.leave(honest)
        places.leave(honest)
        #expect(places.count == 3)
    }

    @Test("a cause and peer are told once a minute, and many strangers share a line")
    func refusalLog() {
        let log = RefusalLog()
        let lines = LogRecorder()
        func refuse(_ refusal: PeerRefusal, _ peer: String, second: UInt64) {
            log.refused("refused", refusal, peer: peer, logger: lines.logger, now: 1_000_000_000 * (1000 + second))
        }
        for second in 0..<60 { refuse(.notTLS, "10.0.0.1", second: UInt64(second)) }
        #expect(lines.lines.count == 1)
        refuse(.noCertificate, "10.0.0.1", second: 1)
        refuse(.notTLS, "10.0.0.2", second: 1)
        #expect(lines.lines.count == 3)
        refuse(.notTLS, "10.0.0.1", second: 60)
        #expect(lines.lines.count == 4 && lines.lines[3].contains("repeated=59"))
        for peer in 0..<5000 { refuse(.tooSlow, "peer \(peer)", second: 61) }
        #expect(lines.lines.count < 4 + RefusalLog.entriesMax + 2)
        #expect(lines.lines.last?.contains("peer=others") == true)
        refuse(.tooSlow, "peer 4999", second: 200)
        #expect(lines.lines.last?.contains("peer=peer 4999") == true, "what is old makes room")
    }
}

private final class EvictedNames: Sendable {
    private let kept = Mutex<[String]>([])
    var names: [String] { kept.withLock { $0 } }
    func add(_ name: String) { kept.withLock { $0.append(name) } }
}
