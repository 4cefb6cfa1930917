import ClusterSupport
import Foundation
import PostgresClient
import Synchronization
import TestServers
import Testing

/// Callers of both gateways who go on whatever happens: reads, joins that are read back through the other gateway, and transactions that are sent
/// again until they are answered. Each answer is held against the network as recursive SQL over the sponsors saw it before the load.
final class HostLoad: Sendable {
    /// A request that was not answered as in good times.
    struct Failure: Sendable, CustomStringConvertible {
        let gateway: String
        /// Whether it asked for a change.
        let isWrite: Bool
        let kind: String
        let shard: Int
        let began: ContinuousClock.Instant
        let ended: ContinuousClock.Instant

        var description: String { "\(gateway) \(isWrite ? "write" : "read") of shard \(shard): \(kind)" }
    }

    private let cluster: HostCluster
    private let model: NetworkModel
    private let callers = Callers()
    private let failures = Mutex<[Failure]>([])
    private let answered = Mutex<[String: Int]>([:])
    /// By the sponsor: joins that were tried, and those that were acknowledged.
    private let joins = Mutex<[Int64: (tried: Int, acknowledged: Int)]>([:])
    private let acceptedTransactions = Mutex<[String: Int64]>([:])

    /// Between two requests of a caller, so that some dozen of them leave the machine to the cluster.
    private static let pauseSeconds = 0.015
    private static let gateways = ["g1", "g2"]
    private static let refusals: Set = [
        "503 shard-unavailable", "503 outcome-unknown", "503 database-unavailable", "503 overloaded", "504 deadline-exceeded",
    ]

    init(_ cluster: HostCluster) throws {
        self.cluster = cluster
        model = try NetworkModel(cluster.connect())
        let ids = model.ids
        for (number, gateway) in Self.gateways.enumerated() {
            addReader(gateway, ids, seed: UInt64(number + 1))
            addJoiner(gateway, Self.gateways[1 - number], ids, number: number)
            addPayer(gateway, ids.filter { model.affiliates[$0]?.answer.status == "active" }, number: number)
        }
    }

    /// Asks; what is not as in good times is kept, and nil is given.
    private func ask(
        _ gateway: String, _ client: HTTPClient, _ shard: Int, expect: Set<Int>, _ method: String, _ path: String,
        _ fields: [String: Any?]? = nil
    ) throws -> HTTPAnswer? {
        let began = ContinuousClock.now
        let answer = try fields.map { try client.send(method, path, $0) } ?? client.get(path)
        if expect.contains(answer.status) {
            answered.withLock { $0[gateway, default: 0] += 1 }
            return answer
        }
        let kind = Tally.kind(answer)
        if !Self.refusals.contains(kind) { callers.fail("\(gateway): \(method) \(path): \(kind) \(answer.text)") }
        failures.withLock {
            $0.append(Failure(gateway: gateway, isWrite: fields != nil, kind: kind, shard: shard, began: began, ended: .now))
        }
        return nil
    }

    private func addReader(_ gateway: String, _ ids: [Int64], seed: UInt64) {
        let client = Held(cluster.client(gateway))
        let random = Held(SeededGenerator(seed: seed))
        callers.add("reader at \(gateway)") { [self] round in
            Thread.sleep(seconds: Self.pauseSeconds)
            guard let id = ids.randomElement(using: &random.value), let expected = model.affiliates[id] else { return }
            let path = "/api/v2/affiliates/\(id)" + (round % 2 == 0 ? "" : "/upline")
            guard let answer = try ask(gateway, client.value, expected.shard, expect: [200], "GET", path) else { return }
            if round % 2 == 0 {
                let found = try answer.decode(AffiliateAnswer.self)
                // Joins add; nothing takes away.
                var core = found
                core.direct_referrals_count = expected.answer.direct_referrals_count
                core.total_network_size = expected.answer.total_network_size
                if core != expected.answer || found.total_network_size < expected.answer.total_network_size {
                    callers.fail("a wrong answer: \(answer.text)")
                }
            } else if try answer.decode(UplineAnswer.self) != model.upline(id) {
                callers.fail("a wrong upline: \(answer.text)")
            }
        }
    }

    /// Joins below sponsors of its own, and reads each through the other gateway: an owner of before would not know the last one.
    private func addJoiner(_ gateway: String, _ other: String, _ ids: [Int64], number: Int) {
        let client = Held(cluster.client(gateway))
        let reader = Held(cluster.client(other))
        let random = Held(SeededGenerator(seed: UInt64(30 + number)))
        let sponsors = ids.enumerated().filter { $0.offset % 2 == number }.map(\.element)
        callers.add("joiner at \(gateway)") { [self] round in
            Thread.sleep(seconds: Self.pauseSeconds)
            guard let sponsor = sponsors.randomElement(using: &random.value), let expected = model.affiliates[sponsor] else {
                return
            }
            joins.withLock { $0[sponsor, default: (0, 0)].tried += 1 }
            let answer = try ask(
                gateway, client.value, expected.shard, expect: [201], "POST", "/api/v2/affiliates",
                ["external_id": "hosts-\(number)-\(round)", "name": "Hosts", "parent_affiliate_id": sponsor])
            let known = joins.withLock { joins in
                if answer != nil { joins[sponsor, default: (0, 0)].acknowledged += 1 }
                return joins[sponsor, default: (0, 0)]
            }
            guard
                let seen = try ask(other, reader.value, expected.shard, expect: [200], "GET", "/api/v2/affiliates/\(sponsor)")
            else { return }
            let directs = try seen.decode(AffiliateAnswer.self).direct_referrals_count - expected.answer.direct_referrals_count
            if directs < known.acknowledged || directs > known.tried {
                callers.fail("a stale answer of \(other): \(directs) joined below \(sponsor), acknowledged \(known)")
            }
        }
    }

    /// Sends each transaction until somebody answers, as a careful caller does: under the same external id it is accepted once.
    private func addPayer(_ gateway: String, _ ids: [Int64], number: Int) {
        let client = Held(cluster.client(gateway))
        let random = Held(SeededGenerator(seed: UInt64(60 + number)))
        let pending = Held<(externalID: String, affiliate: Int64)?>(nil)
        callers.add("payer at \(gateway)") { [self] round in
            Thread.sleep(seconds: Self.pauseSeconds)
            guard let fresh = ids.randomElement(using: &random.value) else { return }
            let (externalID, affiliate) = pending.value ?? ("hosts-\(number)-\(round)", fresh)
            pending.value = (externalID, affiliate)
            let answer = try ask(
                gateway, client.value, model.affiliates[affiliate]?.shard ?? 0, expect: [200, 201], "POST",
                "/api/v2/transactions",
                ["affiliate_id": affiliate, "type": "deposit", "amount": "25.00", "external_transaction_id": externalID])
            guard answer != nil else { return }
            acceptedTransactions.withLock { $0[externalID] = affiliate }
            pending.value = nil
        }
    }

    // MARK: What is asked of it

    /// Good answers so far.
    var answers: Int { answered.withLock { $0.values.reduce(0, +) } }

    /// The failures since the last time this was asked.
    func takeFailures() -> [Failure] {
        failures.withLock { failures in
            defer { failures = [] }
            return failures
        }
    }

    func letPass(seconds: Double) { Thread.sleep(seconds: seconds) }

    /// Ends the load. Nothing acknowledged is lost or there twice, all is paid, and memory equals PostgreSQL.
    func finish() throws {
        #expect(callers.stop() == [])
        let connection = try cluster.connect()
        let transactions = try connection.execute(
            "SELECT external_transaction_id, affiliate_id, count(*) OVER (PARTITION BY external_transaction_id) FROM fature_v2.transactions"
        )
        var kept: [String: Int64] = [:]
        for row in 0..<transactions.rowCount {
            kept[try transactions.text(row, 0)] = try transactions.int(row, 1)
            #expect(try transactions.int(row, 2) == 1, "accepted twice")
        }
        let accepted = acceptedTransactions.withLock { $0 }
        #expect(!accepted.isEmpty && accepted.allSatisfy { kept[$0.key] == $0.value }, "accepted and lost")

        let counts = try connection.execute(
            """
            SELECT parent_affiliate_id, count(*) FROM fature_v2.affiliates_optimized WHERE external_id LIKE 'hosts-%'
            GROUP BY parent_affiliate_id
            """)
        var joined: [Int64: Int] = [:]
        for row in 0..<counts.rowCount { joined[try counts.int(row, 0)] = Int(try counts.int(row, 1)) }
        for (sponsor, known) in joins.withLock({ $0 }) {
            let count = joined[sponsor, default: 0]
            #expect(known.acknowledged <= count && count <= known.tried, "\(count) joined below \(sponsor), \(known)")
        }

        try TestCluster.wait("all transactions are paid", seconds: 60) {
            try connection.execute("SELECT NOT EXISTS (SELECT FROM fature_v2.transactions WHERE NOT commission_processed)").bool(
                0, 0)
        }
        for command in ["reconcile", "validate"] {
            let run = try cluster.fature(command)
            #expect(run.status == 0, "\(command): \(run.text)\(run.remarks)")
        }
        for gateway in Self.gateways {
            var comparison = Comparison(try NetworkModel(connection))
            try comparison.everything(cluster.client(gateway))
            #expect(comparison.differences == [], "\(gateway)")
        }
    }
}
