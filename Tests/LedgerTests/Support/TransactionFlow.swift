import ClusterSupport
import Foundation
import PostgresClient
import Synchronization
import TestServers

/// Callers that send transactions in batches, and again with the same external ids whatever has not been settled: an answer that did not come, a
/// gateway that was not there, a 503.
///
/// They keep what was promised to them, and complain at once where one answer contradicts another.
final class TransactionFlow: Sendable {
    private struct Book {
        var sent: [String: SentTransaction] = [:]
        var acknowledged: [String: Int64] = [:]
        var refused: Set<String> = []
        var spans: [String: Span] = [:]
    }

    /// From before a transaction was first sent until after it was settled.
    struct Span: Sendable {
        var affiliate: Int64
        var from: ContinuousClock.Instant
        var to: ContinuousClock.Instant
    }

    /// One caller's state: of its thread while it runs, of whoever has stopped it after that.
    private struct Caller {
        var name: String
        var random: SeededGenerator
        var gateways: [HTTPClient]
        /// Sent and not settled.
        var open: [SentTransaction] = []
        /// When they were made.
        var since = ContinuousClock.now
        var settled: [SentTransaction] = []
        var number = 0
    }

    let tally = Tally()
    private let running = Mutex<Callers?>(nil)
    private let complaints = Mutex<[String]>([])
    private let states: [Held<Caller>]
    private let affiliates: [Int64]
    private let settings: Settings
    private let book = Mutex(Book())

    struct Settings: Sendable {
        var callers = 2
        var batchMax = 60
        /// Between two batches of one caller, so that two cores can keep up in a debug build.
        var pauseMilliseconds = 15
        /// Whether a 422 for an affiliate who is not active any more is in order.
        var statusesChange = false
    }

    /// A request is given up after so long, and made again.
    private static let answerMillisecondsMax = 12_000
    private static let settledKept = 500
    private static let complaintsMax = 20

    /// - Parameter affiliates: who has transactions: those that are active.
    init(_ cluster: TestCluster, gateways: [String], affiliates: [Int64], seed: UInt64, _ settings: Settings = Settings()) {
        self.affiliates = affiliates
        self.settings = settings
        states = (0..<settings.callers).map { number in
            Held(
                Caller(
                    name: "\(number)", random: SeededGenerator(seed: seed &+ UInt64(number) &* 7919),
                    gateways: gateways.map { cluster.client($0, timeoutMilliseconds: Self.answerMillisecondsMax) }))
        }
    }

    /// Lets the callers go, for the first time or again.
    func start() {
        let callers = Callers()
        running.withLock { $0 = callers }
        for state in states {
            callers.add("caller \(state.value.name)") { [self] _ in
                refill(&state.value)
                send(&state.value)
                usleep(UInt32(settings.pauseMilliseconds) * 1000)
            }
        }
    }

    /// How many have been acknowledged so far.
    var acknowledgedCount: Int { book.withLock { $0.acknowledged.count } }
    var acknowledged: [String: Int64] { book.withLock { $0.acknowledged } }
    /// Of everything that was accepted or refused.
    var spans: [String: Span] { book.withLock { $0.spans } }

    /// Ends the callers once everything they have sent is settled. Returns what went wrong.
    func finish(seconds: Int = 60) -> [String] {
        let callers = running.withLock { running in
            defer { running = nil }
            return running
        }
        for failure in callers?.stop() ?? [] { complain(failure) }
        let end = ContinuousClock.now + .seconds(seconds)
        for state in states {
            while !state.value.open.isEmpty, ContinuousClock.now < end {
                send(&state.value)
                usleep(20_000)
            }
            for open in state.value.open { complain("\(open.externalID) was not settled within \(seconds) s") }
        }
        return complaints.withLock { $0 }
    }

    private func complain(_ what: String) { complaints.withLock { if $0.count < Self.complaintsMax { $0.append(what) } } }

    // MARK: One caller

    private func refill(_ caller: inout Caller) {
        guard caller.open.isEmpty else { return }
        caller.since = .now
        for _ in 0..<Int.random(in: 1...settings.batchMax, using: &caller.random) {
            caller.number += 1
            let transaction = SentTransaction.random(
                "flow-\(caller.name)-\(caller.number)", of: affiliates, using: &caller.random)
            caller.open.append(transaction)
            book.withLock { $0.sent[transaction.externalID] = transaction }
        }
    }

    /// One request with all that is open, and sometimes with what was settled long ago.
    private func send(_ caller: inout Caller) {
        var batch = caller.open
        let openCount = batch.count
        if let old = caller.settled.randomElement(using: &caller.random), Int.random(in: 0..<4, using: &caller.random) == 0 {
            batch.append(old)
            var other = old
            other.amount = old.amount == 1 ? 2 : old.amount - 1
            batch.append(other)
        }
        let gateway = caller.gateways.randomElement(using: &caller.random)
        let body = Data("[\(batch.map(\.json).joined(separator: ","))]".utf8)
        guard let answer = try? gateway?.ask("POST", "/api/v2/transactions", body: body) else { return tally.note("no answer") }
        guard let results = try? answer.decode(BatchAnswer.self).results, results.count == batch.count else {
            tally.note(answer)
            if answer.status < 500 { complain("\(answer.status) for a batch: \(answer.text.prefix(300))") }
            return
        }
        for (transaction, result) in zip(batch[openCount...], results[openCount...]) { judgeOld(transaction, result) }
        var stillOpen: [SentTransaction] = []
        for (open, result) in zip(caller.open, results) {
            tally.note("\(result.status)", answer.milliseconds)
            if result.status < 500 {
                let since = caller.since
                book.withLock { $0.spans[open.externalID] = Span(affiliate: open.affiliate, from: since, to: .now) }
            }
            switch judge(open, result) {
            case .open: stillOpen.append(open)
            case .accepted:
                caller.settled.append(open)
                if caller.settled.count > Self.settledKept { caller.settled.removeFirst() }
            case .refused: break
            }
        }
        caller.open = stillOpen
    }

    private enum Verdict { case open, accepted, refused }

    private func judge(_ transaction: SentTransaction, _ result: TransactionAnswer) -> Verdict {
        let externalID = transaction.externalID
        switch result.status {
        case 201, 200:
            guard let id = result.transaction_id else {
                complain("\(externalID): \(result.status) without a number")
                return .refused
            }
            book.withLock { $0.acknowledged[externalID] = id }
            return .accepted
        case 422 where settings.statusesChange && result.field == "affiliate_id":
            _ = book.withLock { $0.refused.insert(externalID) }
            return .refused
        case 503, 504: return .open
        default:
            complain("\(externalID): \(result)")
            return .refused
        }
    }

    /// What was settled before is answered as before, and with other facts refused.
    private func judgeOld(_ transaction: SentTransaction, _ result: TransactionAnswer) {
        let (first, facts) = book.withLock { ($0.acknowledged[transaction.externalID], $0.sent[transaction.externalID]) }
        let isSame = facts == transaction
        tally.note("again \(result.status)")
        switch result.status {
        case 503, 504: return
        case 200 where isSame && result.transaction_id == first: return
        case 409 where !isSame: return
        default: complain("\(transaction.externalID) was \(first ?? 0), then, \(isSame ? "the same" : "other facts"): \(result)")
        }
    }

    // MARK: Afterwards

    /// Where PostgreSQL and what callers were told disagree. `others` have been written by nobody here.
    func problems(_ connection: PostgresConnection, others: Set<String> = []) throws -> [String] {
        let stored = try SentTransaction.stored(connection)
        let book = book.withLock { $0 }
        var problems: [String] = []
        func tell(_ what: String, _ ids: some Collection<String>) {
            if !ids.isEmpty { problems.append("\(ids.count) × \(what): \(ids.sorted().prefix(5))") }
        }
        tell("acknowledged and not there", book.acknowledged.keys.filter { stored[$0] == nil })
        tell(
            "acknowledged with another number", book.acknowledged.filter { stored[$0.key].map(\.id) ?? $0.value != $0.value }.keys
        )
        tell("refused and there", book.refused.filter { stored[$0] != nil })
        tell(
            "there and not acknowledged",
            stored.keys.filter { book.acknowledged[$0] == nil && !others.contains($0) && !book.refused.contains($0) })
        tell("there with other facts", stored.filter { !others.contains($0.key) && book.sent[$0.key] != $0.value.facts }.keys)
        return problems
    }
}
