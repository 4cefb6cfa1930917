import ClusterSupport
import Core
import Foundation
import Frames
import Glibc
import PostgresClient
import Synchronization
import TestServers

/// The life of one shard, the star's: callers who join, read, change statuses and have transactions, all through frames, and note what was
/// promised to them.
final class ShardLife: Sendable {
    private struct Book {
        /// External ids of joins that were answered, and of those whose answer did not come.
        var joined: [String] = []
        var uncertain: [String] = []
        /// External ids of transactions that were accepted.
        var accepted: [String] = []
    }

    let cluster: TestCluster
    let shard: Int
    let answers = Tally()
    private let callers = Callers()
    private let book = Mutex(Book())
    private let joins = Atomic<Int>(0)
    /// Whether a worker may die: then an answer that does not come is no complaint.
    private let isMortal: Bool

    private static let centre = TestNetwork.starCentre
    private static let origin = ChangeOrigin(actor: "tests")

    init(_ cluster: TestCluster, isMortal: Bool = false) throws {
        self.cluster = cluster
        self.isMortal = isMortal
        shard = Int(
            try cluster.connect().execute(
                "SELECT shard_id FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1", [.int(Self.centre)]
            ).int(0, 0))
    }

    /// About somebody whose status these callers leave alone.
    static func status(_ status: AffiliateStatus) -> StatusOrder {
        StatusOrder(origin: origin, about: AffiliateQuestion(sequence: 0, affiliate: AffiliateID(centre + 300)), status: status)
    }

    static let centreQuestion = AffiliateQuestion(sequence: 0, affiliate: AffiliateID(centre))

    var joinedCount: Int { joins.load(ordering: .sequentiallyConsistent) }
    var accepted: [String] { book.withLock { $0.accepted } }

    /// Lets the callers go.
    func start(transactions: Bool) {
        for number in 0..<2 { add("joiner \(number)", join) }
        for number in 0..<2 { add("reader \(number)", read) }
        add("changer", change)
        if transactions { for number in 0..<2 { add("player \(number)", play) } }
    }

    /// Ends them and returns what went wrong.
    func stop() -> [String] { callers.stop() }

    private func add(_ name: String, _ work: @escaping @Sendable (FrameCaller, String, Int) throws -> Void) {
        let caller = Held<FrameCaller?>(nil)
        callers.add(name) { [self] round in
            let frames: FrameCaller
            if let known = caller.value {
                frames = known
            } else {
                frames = try FrameCaller(cluster, isMortal: isMortal)
                caller.value = frames
            }
            do {
                try work(frames, name, round)
            } catch let error as TestServerError where isMortal {
                answers.note("lost: \(error)")
                frames.startOver()
                usleep(20_000)
            }
            usleep(10_000)
        }
    }

    private func join(_ frames: FrameCaller, _ name: String, _ round: Int) throws {
        let externalID = "\(name) \(round)"
        let order = JoinOrder(
            origin: Self.origin, sequence: 0, affiliate: nil, parent: AffiliateID(Self.centre), status: .active,
            profile: AffiliateProfile(
                externalID: externalID, name: "Ána \(round)", email: round % 2 == 0 ? "" : nil, registrationMicroseconds: 5))
        let started = ContinuousClock.now
        let reply: WorkerProbe.Reply
        do { reply = try frames.ask(.join, shard) { order.write(to: $0) } } catch {
            book.withLock { $0.uncertain.append(externalID) }
            throw error
        }
        note("join", reply, since: started)
        guard reply.outcome == .body, reply.word == 201 else {
            return book.withLock { $0.uncertain.append(externalID) }
        }
        book.withLock { $0.joined.append(externalID) }
        joins.add(1, ordering: .sequentiallyConsistent)
    }

    private func affiliate(_ id: Int64, _ frames: FrameCaller) throws -> AffiliateAnswer? {
        let started = ContinuousClock.now
        let reply = try frames.ask(.affiliate, shard) { AffiliateQuestion(sequence: 0, affiliate: AffiliateID(id)).write(to: $0) }
        note("read", reply, since: started)
        guard reply.outcome == .body else { return nil }
        return try JSONDecoder().decode(AffiliateAnswer.self, from: Data(reply.fields))
    }

    /// Whoever has joined before the question is in the answer.
    private func read(_ frames: FrameCaller, _ name: String, _ round: Int) throws {
        let atLeast = Int(TestNetwork.starReferrals) + joinedCount
        guard let centre = try affiliate(Self.centre, frames) else { return }
        if centre.direct_referrals_count < atLeast {
            callers.fail("\(name): \(centre.direct_referrals_count) referrals, \(atLeast) were promised")
        }
    }

    /// Whoever has changed something reads it.
    private func change(_ frames: FrameCaller, _ name: String, _ round: Int) throws {
        let id = Self.centre + 1 + Int64(round % 50)
        let status = AffiliateStatus.allCases[round % 2]
        let order = StatusOrder(
            origin: Self.origin, about: AffiliateQuestion(sequence: 0, affiliate: AffiliateID(id)), status: status)
        let started = ContinuousClock.now
        let reply = try frames.ask(.setStatus, shard) { order.write(to: $0) }
        note("change", reply, since: started)
        guard reply.outcome == .body, let answer = try affiliate(id, frames) else { return }
        let wanted = "\(status.name)"
        if answer.status != wanted { callers.fail("\(name): \(id) is \(answer.status) after \(wanted)") }
    }

    private func play(_ frames: FrameCaller, _ name: String, _ round: Int) throws {
        // Of rays whose status nobody changes, and who are active.
        let orders = (0..<5).map { number in
            let ray = Self.centre + Int64(100 + (round * 5 + number) % 200 / 7 * 7 + 1)
            return TransactionOrder(
                shard: UInt16(shard), sequence: 0, affiliate: AffiliateID(ray), type: TransactionType.deposit.rawValue,
                amountMinor: 1000 + Int64(number),
                winningsMinor: 0, eligibility: TransactionOrder.eligibilityAsUsual, dateMicroseconds: 0, currency: "BRL",
                externalID: "\(name) \(round) \(number)", metadata: nil)
        }
        let started = ContinuousClock.now
        let receipts = try frames.accept(orders, shard)
        let milliseconds = Self.milliseconds(since: started)
        for (order, receipt) in zip(orders, receipts) {
            answers.note("transaction \(receipt.outcome)", milliseconds)
            if receipt.outcome == .accepted || receipt.outcome == .repeated {
                book.withLock { $0.accepted.append(order.externalID) }
            }
        }
    }

    private func note(_ what: String, _ reply: WorkerProbe.Reply, since started: ContinuousClock.Instant) {
        let kind =
            reply.outcome == .problem ? "\(WorkerProblem(rawValue: reply.word).map { "\($0)" } ?? "?")" : "\(reply.outcome)"
        answers.note("\(what) \(kind)", Self.milliseconds(since: started))
    }

    private static func milliseconds(since started: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - started) / .milliseconds(1)
    }

    /// What PostgreSQL has of what was promised, or has twice; empty when all is well.
    func problems(_ connection: PostgresConnection) throws -> [String] {
        let (joined, uncertain, accepted) = book.withLock { ($0.joined, $0.uncertain, $0.accepted) }
        let affiliates = try connection.texts(
            "SELECT external_id FROM fature_v2.affiliates_optimized WHERE external_id LIKE 'joiner %'")
        let transactions = try connection.texts("SELECT external_transaction_id FROM fature_v2.transactions")
        var problems: [String] = []
        let lost = Set(joined).subtracting(affiliates)
        let strange = Set(affiliates).subtracting(joined + uncertain)
        if !lost.isEmpty { problems.append("joins lost: \(lost.sorted().prefix(5))") }
        if !strange.isEmpty { problems.append("joins nobody was told of: \(strange.sorted().prefix(5))") }
        let unpaid = Set(accepted).subtracting(transactions)
        if !unpaid.isEmpty { problems.append("transactions lost: \(unpaid.sorted().prefix(5))") }
        if Set(transactions).count != transactions.count { problems.append("transactions twice") }
        return problems
    }
}

extension PostgresConnection {
    /// The first column of every row.
    func texts(_ sql: String) throws -> [String] {
        let result = try execute(sql)
        return try (0..<result.rowCount).map { try result.text($0, 0) }
    }
}
