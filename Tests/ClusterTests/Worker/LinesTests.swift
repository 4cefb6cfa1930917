import ClusterSupport
import Core
import Frames
import Hierarchy
import Ownership
import Store
import Testing

@testable import Worker

extension ClusterTests {
    /// Who is next, where many wait.
    @Suite(.serialized) struct LinesTests {
        private static func host(_ shard: Int) throws -> ShardHost {
            ShardHost(shard: ShardID(shard), partition: try PartitionBuilder(shard: ShardID(shard)).finish(), applied: 0)
        }

        @Test("a place is left for what is urgent, and urgent work may have every place")
        func turns() {
            var turns = ConnectionTurns(placesMax: [3, 2, 1])
            turns.begin(2)
            #expect(!turns.hasPlace(for: 2) && turns.hasPlace(for: 1))
            turns.begin(1)
            #expect(!turns.hasPlace(for: 1) && turns.hasPlace(for: 0))
            turns.begin(0)
            #expect(!turns.hasPlace(for: 0))
            turns.end(2)
            #expect(turns.hasPlace(for: 2) && turns.hasPlace(for: 0))
            turns.begin(0)
            #expect(!turns.hasPlace(for: 0) && !turns.hasPlace(for: 2))
        }

        @Test("shards that are ours are read first and together; standbys use one connection, and who is not wanted is forgotten")
        func loads() {
            var line = LoadLine()
            for shard in 0..<5 { line.add(ShardID(shard)) }
            let ranks: [LoadLine.Rank?] = [.standby, .owned, .standby, nil, .owned]
            let rank = { (shard: ShardID) in ranks[Int(shard.rawValue)] }
            func next() -> [ShardID]? { line.next(rank)?.shards }
            #expect(next() == [ShardID(1), ShardID(4)])
            #expect(next() == [ShardID(0), ShardID(2)])
            line.add(ShardID(0))
            #expect(next() == nil)
            line.ended(.owned)
            #expect(next() == nil, "the other connection is for shards that are ours")
            line.add(ShardID(1))
            #expect(next() == [ShardID(1)])
            line.ended(.standby)
            #expect(next() == [ShardID(0)])
            #expect(next() == nil)
        }

        @Test("a pass of shards that are not ours is short, and those of hand-offs go before standbys")
        func shortPasses() {
            var line = LoadLine()
            for shard in 0..<60 { line.add(ShardID(shard)) }
            let handedOver = 50..<60
            var isOwned = false
            let rank = { (shard: ShardID) -> LoadLine.Rank? in
                isOwned ? .owned : handedOver.contains(Int(shard.rawValue)) ? .handedOver : .standby
            }
            var passes: [[Int]] = []
            while passes.count < 3, let (shards, rank) = line.next(rank) {
                passes.append(shards.map { Int($0.rawValue) })
                line.ended(rank)
            }
            #expect(passes == [Array(50..<58), Array(58..<60), Array(0..<8)])
            isOwned = true
            #expect(line.next(rank)?.shards.count == 42, "what is ours comes in one pass")
        }

        @Test("what somebody waits for is asked before what shards and copies follow, whenever it came")
        func catchUps() throws {
            var line = CatchUpLine()
            for shard in 0..<4 {
                line.add(.init(host: try Self.host(shard), isOfCaller: false, ask: { _ in .expired }, done: { _ in }))
            }
            var ranks: [CatchUpLine.Rank] = [.followed, .served, .followed, .awaited]
            let rank = { (question: CatchUpLine.Question) in ranks[Int(question.host.shard.rawValue)] }
            func next() -> ShardID? { line.next(rank)?.question.host.shard }
            #expect(next() == ShardID(3))
            #expect(next() == ShardID(1))
            #expect(next() == nil)
            line.ended(.awaited)
            #expect(next() == nil, "the other connection is for what somebody waits for")
            // A standby that becomes the target of a hand-off while it waits.
            ranks[2] = .awaited
            #expect(next() == ShardID(2))
            line.ended(.served)
            #expect(next() == ShardID(0))
        }

        @Test("jobs that may begin do not stand behind jobs that are held")
        func held() throws {
            let host = try Self.host(1)
            let origin = ChangeOrigin(actor: "tests")
            let about = AffiliateQuestion(sequence: 0, affiliate: AffiliateID(7))
            let kinds: [ShardJob.Kind] = [
                .move(MoveOrder(origin: origin, about: about, newParent: nil, reason: "test")),
                .setStatus(StatusOrder(origin: origin, about: about, status: .active)), .catchUp,
            ]
            func next(_ mayBegin: (ShardJob.Kind) -> Bool) -> String? {
                guard let job = host.nextJob(mayBegin) else { return nil }
                host.jobEnded()
                switch job.kind {
                case .join: return "join"
                case .setStatus: return "status"
                case .move: return "move"
                case .catchUp: return "catch-up"
                }
            }
            func fill() { for kind in kinds { _ = host.add(ShardJob(kind: kind, deadline: .max, reply: nil)) } }
            fill()
            #expect(next { !$0.isWide } == "status")
            #expect(next { _ in false } == "catch-up")
            #expect(next { _ in false } == nil)
            #expect(next { _ in true } == "move")
            fill()
            #expect([next { _ in true }, next { _ in true }, next { _ in true }] == ["move", "status", "catch-up"])
            #expect(!host.hasJobs)
        }

        @Test("rows of hand-offs are looked at again after a pause, however many ask, and nobody's wish is lost")
        func looks() {
            var looks = MoveLooks()
            let pause = MoveLooks.pauseNanoseconds
            #expect(looks.ask(1_000_000_000) == .look)
            #expect(looks.ask(1_000_100_000) == .nothing)
            // Asked for during a look: another one, that begins after it.
            #expect(looks.ended(1_000_200_000) == .pause(nanoseconds: pause - 200_000))
            #expect(looks.ask(1_000_300_000) == .nothing)
            #expect(looks.pauseEnded(1_000_000_000 + pause) == .look)
            #expect(looks.ended(1_000_000_100 + pause) == .nothing)
            // Asked for between two.
            #expect(looks.ask(1_000_000_200 + pause) == .pause(nanoseconds: pause - 200))
            // A timer that is early.
            #expect(looks.pauseEnded(1_000_000_000 + 2 * pause - 1) == .pause(nanoseconds: 1))
            #expect(looks.pauseEnded(1_000_000_000 + 2 * pause) == .look)
            #expect(looks.ended(1_000_000_000 + 9 * pause) == .nothing)
            #expect(looks.ask(1_000_000_000 + 10 * pause) == .look)
        }

        @Test("a lease that is lost costs as much for transactions of all shards as for those of one")
        func leaseLost() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let one = try Self.timeOfLoss(bench, shards: 1)
                let all = try Self.timeOfLoss(bench, shards: ShardID.count)
                print("lease lost with \(Self.count) held transactions: \(one) of one shard, \(all) of \(ShardID.count)")
                #expect(all < one * 12 + .milliseconds(200))
            }
            try await bench.stop()
        }

        private static let count = 40_000

        /// Holds many transactions of so many shards, loses the lease, and says how long that took.
        private static func timeOfLoss(_ bench: WorkerBench, shards: Int) throws -> Duration {
            try bench.onLoop {
                let loop = bench.loop
                loop.intake?.close()
                let intake = IntakeLine(
                    loop: loop, pool: bench.pools.intake, instance: WorkerBench.instance, logger: bench.recorder.logger,
                    onAccepted: { _ in })
                loop.intake = intake
                for seat in loop.seats.prefix(shards) {
                    let row = ShardMove(
                        id: MoveID(1), shard: seat.shard, source: WorkerBench.instance, target: WorkerInstanceID(2),
                        fromEpoch: Epoch(1), stage: .ready)
                    seat.duty = ShardDuty(seat.shard, of: WorkerBench.instance)
                    _ = seat.duty.topology(owner: WorkerBench.instance, epoch: Epoch(1), now: 1)
                    _ = seat.duty.loaded(at: 0, of: seat.duty.generation, now: 1)
                    _ = seat.duty.seen(row, now: 1)
                    _ = seat.duty.wideEnded(now: 1)
                }
                let header = FrameHeader(
                    code: Operation.accept.rawValue, shard: ShardSet.allShards, requestID: 1, word: 60_000_000)
                let reply = BatchReply(ReplyAddress(connection: GatewayConnection(loop: loop), header: header), count: count)
                let now = monotonicNow()
                let limits = WaitLimits(deadline: now + 3_600_000_000_000, now: now + 3_500_000_000_000)
                for index in 0..<count {
                    let seat = loop.seats[index % shards]
                    let transaction = NewTransaction(
                        id: 0, shard: seat.shard, affiliate: AffiliateID(1), type: .deposit, amount: Money(minorUnits: 1),
                        winnings: Money(minorUnits: 0), currency: "BRL", dateMicroseconds: nil, isEligible: nil,
                        externalID: "a transaction of some length \(index)", metadata: nil, upline: [1, 2, 3],
                        inactiveDistances: [])
                    intake.add(
                        .init(
                            transaction: transaction, epoch: Epoch(1), generation: seat.duty.generation, limits: limits,
                            reply: reply, index: index))
                }
                intake.pump()
                let started = ContinuousClock.now
                bench.steward.end()
                return ContinuousClock.now - started
            }
        }
    }
}
