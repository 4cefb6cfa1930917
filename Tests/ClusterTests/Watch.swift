import ClusterSupport
import Foundation
import PostgresClient
import Synchronization
import TestServers
import Testing

/// Load on a cluster while something is done to one worker: reads of the others' shards, reads of the victim's, and joins everywhere.
///
/// Nothing but the joins changes, so every answer can be checked against the model: counters may only be what was acknowledged.
final class Watch: Sendable {
    let safeReads = Tally()
    let reads = Tally()
    let writes = Tally()
    private let cluster: TestCluster
    private let callers = Callers()
    private let model: NetworkModel
    private let victimShards: Set<Int>
    private let acknowledged = Mutex<[String: Int64]>([:])
    private let refused = Mutex<[String]>([])
    private let isDown = Atomic<Bool>(false)
    private let answersSinceDown = Atomic<Int>(0)
    /// The longest time between two answers to the reader of the victim's shards, milliseconds.
    private let longestGap = Mutex<Double>(0)
    var longestGapMilliseconds: Double { longestGap.withLock { $0 } }

    init(_ cluster: TestCluster, victim: String?, writers: Int = 2) throws {
        self.cluster = cluster
        let connection = try cluster.connect()
        let model = try NetworkModel(connection)
        self.model = model
        let shards = try victim.map { try cluster.shards(of: $0, connection) } ?? Set(0..<256)
        victimShards = shards
        let ids = model.ids
        let theirs = ids.filter { shards.contains(model.affiliates[$0]?.shard ?? -1) }
        let others = ids.filter { !shards.contains(model.affiliates[$0]?.shard ?? -1) }
        if !others.isEmpty { addReader("safe reader", "gateway-1", others, safeReads, seed: 1, countsReturn: false) }
        addReader("reader", "gateway-2", theirs, reads, seed: 2, countsReturn: true)
        for number in 0..<writers { addWriter(number, ids) }
    }

    private func addReader(_ name: String, _ gateway: String, _ ids: [Int64], _ tally: Tally, seed: UInt64, countsReturn: Bool) {
        let client = Held(cluster.client(gateway))
        let random = Held(SeededGenerator(seed: seed))
        let model = model
        let lastAnswer = Held(ContinuousClock.now)
        callers.add(name) { [self] round in
            guard let id = ids.randomElement(using: &random.value), let expected = model.affiliates[id] else { return }
            let answer = try client.value.get("/api/v2/affiliates/\(id)" + (round % 2 == 0 ? "" : "/upline"))
            tally.note(answer)
            if answer.status == 503 || answer.status == 504, answer.headers["retry-after"] == nil {
                callers.fail("no Retry-After: \(answer.text)")
            }
            guard answer.status == 200 else { return }
            if countsReturn {
                let gap = (ContinuousClock.now - lastAnswer.value) / .milliseconds(1)
                lastAnswer.value = .now
                longestGap.withLock { $0 = max($0, gap) }
            }
            if round % 2 == 0 {
                let answered = try answer.decode(AffiliateAnswer.self)
                // Joins add; nothing takes away.
                var core = answered
                core.direct_referrals_count = expected.answer.direct_referrals_count
                core.total_network_size = expected.answer.total_network_size
                if core != expected.answer || answered.total_network_size < expected.answer.total_network_size {
                    callers.fail("a wrong answer: \(answer.text)")
                }
            } else if try answer.decode(UplineAnswer.self) != model.upline(id) {
                callers.fail("a wrong upline: \(answer.text)")
            }
            if countsReturn, isDown.load(ordering: .relaxed) { answersSinceDown.add(1, ordering: .relaxed) }
        }
    }

    private func addWriter(_ number: Int, _ ids: [Int64]) {
        let client = Held(cluster.client("gateway-\(number % 2 + 1)"))
        let random = Held(SeededGenerator(seed: UInt64(50 + number)))
        callers.add("writer \(number)") { [self] round in
            let externalID = "watch-\(number)-\(round)"
            let parent = ids.randomElement(using: &random.value)
            let answer = try client.value.send(
                "POST", "/api/v2/affiliates", ["external_id": externalID, "name": "Watch", "parent_affiliate_id": parent])
            writes.note(answer)
            switch Tally.kind(answer) {
            case "201":
                let id = try answer.decode(AffiliateAnswer.self).affiliate_id
                acknowledged.withLock { $0[externalID] = id }
            case "503 database-unavailable", "503 shard-unavailable", "503 overloaded":
                refused.withLock { $0.append(externalID) }
            default: break
            }
        }
    }

    /// From now on answers about the victim's shards count as its return.
    func victimIsDown() { isDown.store(true, ordering: .relaxed) }

    /// Whether every shard is served: asked by a whole-cluster question, and by reads.
    var isBack: Bool {
        answersSinceDown.load(ordering: .relaxed) > 0
            && (try? cluster.client("gateway-2").get("/api/v2/stats").status) == 200
            && (try? cluster.client("gateway-1").get("/api/v2/stats").status) == 200
    }

    /// Ends the load. Everything acknowledged must be there, everything refused with "nothing was changed" must not.
    func finish() throws {
        #expect(callers.stop() == [])
        let connection = try cluster.connect()
        let kept = acknowledged.withLock { $0 }
        let rows = try connection.execute(
            "SELECT external_id, affiliate_id FROM fature_v2.affiliates_optimized WHERE external_id LIKE 'watch-%'")
        var there: [String: Int64] = [:]
        for row in 0..<rows.rowCount { there[try rows.text(row, 0)] = try rows.int(row, 1) }
        #expect(kept.filter { there[$0.key] != $0.value }.isEmpty, "acknowledged and lost")
        #expect(refused.withLock { $0.filter { there[$0] != nil } }.isEmpty, "refused and written")
        #expect(!kept.isEmpty)
    }

    var summary: String { "others: \(safeReads.summary); victim: \(reads.summary); joins: \(writes.summary)" }
}
