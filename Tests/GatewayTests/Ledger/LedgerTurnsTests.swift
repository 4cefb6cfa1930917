import Core
import Store
import Synchronization
import Testing

@testable import Gateway

@Suite("Turns of extensive questions")
struct LedgerTurnsTests {
    @Test("so many work at once, the others wait in their order, and those nobody waits for any more are passed over")
    func order() {
        var turns = Turns<Int>(runningMax: 2, waitingMax: 3)
        func ask(_ work: Int, deadline: UInt64, now: UInt64) -> String { "\(turns.ask(work, deadline: deadline, now: now))" }
        #expect(ask(1, deadline: 100, now: 0) == "begin" && ask(2, deadline: 100, now: 0) == "begin")
        #expect(ask(3, deadline: 10, now: 0) == "wait" && ask(4, deadline: 100, now: 0) == "wait")
        #expect(ask(5, deadline: 100, now: 0) == "wait" && ask(6, deadline: 100, now: 9) == "refuse")
        #expect(ask(7, deadline: 100, now: 10) == "wait", "one of those who waited has gone")
        #expect(turns.finish(now: 20) == 4 && turns.finish(now: 20) == 5)
        #expect(turns.finish(now: 100) == nil && turns.finish(now: 100) == nil)
        #expect(ask(8, deadline: 200, now: 100) == "begin" && ask(9, deadline: 200, now: 100) == "begin")
        #expect(ask(10, deadline: 200, now: 100) == "wait")
    }

    @Test("work begins when it has its turn, and never more of it at once than may")
    func turnstile() async throws {
        let (ends, end) = AsyncStream<Int>.makeStream()
        let turnstile = Turnstile(runningMax: 2, waitingMax: 50)
        let running = Running()
        for number in 0..<50 {
            let isIn = turnstile.enter(deadline: .max) {
                running.change(1)
                await Task.yield()
                running.change(-1)
                end.yield(number)
            }
            #expect(isIn)
        }
        var count = 0
        for await _ in ends {
            count += 1
            if count == 50 { break }
        }
        #expect((1...2).contains(running.most))
    }

    /// How many run, and how many did at most.
    private final class Running: Sendable {
        private let counts = Mutex((now: 0, most: 0))

        func change(_ by: Int) {
            counts.withLock {
                $0.now += by
                $0.most = max($0.most, $0.now)
            }
        }

        var most: Int { counts.withLock { $0.most } }
    }

    @Test("filtered lists that have to be counted, and decisions by filter, take turns; everything else does not wait for them")
    func extensive() {
        func listing(_ status: CommissionStatus?, from: Int64? = nil, isFirst: Bool = true) -> Bool {
            var listing = CommissionListing(affiliate: AffiliateID(1), status: status, from: from)
            if !isFirst {
                listing.cursor = CommissionCursor(
                    createdAt: 1, id: CommissionID(transaction: 1, ordinal: 1), count: 1, amount: "1.00")
            }
            return LedgerQuestion.listing(listing).isExtensive
        }
        #expect(listing(.paid) && listing(nil, from: 1) && listing(.pending, isFirst: false))
        #expect(!listing(nil) && !listing(.paid, isFirst: false))
        let decision = CommissionDecisions.Decision(status: .paid, reason: "r", origin: ChangeOrigin(actor: "a"))
        #expect(LedgerQuestion.decideWhere(decision, .init(), after: nil).isExtensive)
        #expect(!LedgerQuestion.decideMany(decision, []).isExtensive && !LedgerQuestion.totals(AffiliateID(1)).isExtensive)
    }
}

@Suite("Those who wait for a ranking")
struct RankingWaitersTests {
    @Test("they are bounded, those who have given up make way, and the rest are told by how much they want")
    func waiters() {
        var waiters = RankingWaiters()
        func add(_ limit: Int, deadline: UInt64, now: UInt64 = 0, _ metric: TotalsMetric = .volume) -> Bool {
            waiters.add(.init(limit: limit, deadline: deadline) { _ in }, for: metric, now: now)
        }
        #expect(add(10, deadline: 5))
        for number in 1..<RankingWaiters.countMax { #expect(add(number % 2 + 1, deadline: 20)) }
        #expect(!add(10, deadline: 20, now: 4))
        #expect(add(10, deadline: 20, .commissions))
        #expect(add(10, deadline: 20, now: 5), "one has given up")
        let taken = waiters.take(.volume, now: 19)
        #expect(taken.keys.sorted() == [1, 2, 10] && taken.values.reduce(0) { $0 + $1.count } == RankingWaiters.countMax)
        #expect(waiters.take(.volume, now: 19).isEmpty)
        #expect(waiters.take(.commissions, now: 20).isEmpty, "nobody waits any more")
    }
}
