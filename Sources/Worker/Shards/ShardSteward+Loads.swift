import Core
import Logging
import NIOCore
import Ownership

/// Shards that are to be read from PostgreSQL, gathered so that one pass over the table brings many. Confined to the worker's event loop.
struct LoadLine {
    /// The most urgent first.
    enum Rank: Int, Comparable {
        /// Ours: nobody else can answer.
        case owned
        /// To be handed to us.
        case handedOver
        case standby

        static func < (a: Rank, b: Rank) -> Bool { a.rawValue < b.rawValue }
    }

    /// Two connections, of which one is for shards that are ours.
    static let placesMax = [2, 1, 1]
    /// Shards that are not ours in one pass: whoever comes after it, as a hand-off's target does, waits for no more.
    static let aheadShardsMax = 8
    static let gatheringMilliseconds: Int64 = 10
    static let retryNanoseconds: UInt64 = 500_000_000
    /// Rows that make no hierarchy are looked at less often: each look reads them all.
    static let brokenRetryNanoseconds: UInt64 = 5_000_000_000

    private var wanted: [ShardID] = []
    private var turns = ConnectionTurns(placesMax: placesMax)
    var isGathering = false

    mutating func add(_ shard: ShardID) { wanted.append(shard) }

    /// The shards of the next pass, whose turn ends with `ended`; nil while there are none, or no place for them.
    /// - Parameter rank: as it is now; nil: it is not wanted any more, and is forgotten.
    mutating func next(_ rank: (ShardID) -> Rank?) -> (shards: [ShardID], rank: Rank)? {
        var ranked: [(shard: ShardID, rank: Rank)] = []
        for shard in wanted { if let rank = rank(shard) { ranked.append((shard, rank)) } }
        wanted = ranked.map(\.shard)
        guard let first = ranked.map(\.rank).min(), turns.hasPlace(for: first.rawValue) else { return nil }
        turns.begin(first.rawValue)
        let pass = ranked.filter { $0.rank == first }.prefix(first == .owned ? ShardID.count : Self.aheadShardsMax).map(\.shard)
        let taken = Set(pass)
        wanted.removeAll { taken.contains($0) }
        return (pass, first)
    }

    mutating func ended(_ rank: Rank) { turns.end(rank.rawValue) }
}

extension ShardSteward {
    /// Has a shard read, together with all others for which that is asked about now. What waits or goes on already is taken up, for whatever it
    /// was begun. Where that is less urgent than the shard is now, as a standby's is when the shard becomes ours, the shard is read once more
    /// as soon as there is a place: whichever comes first is taken, and the other one dropped.
    func load(_ seat: ShardSeat) {
        guard !seat.isLoadWanted, !isRead(seat) else { return }
        seat.isLoadWanted = true
        let now = monotonicNow()
        guard seat.loadNotBefore > now else { return gather(seat.shard) }
        loop.eventLoop.scheduleTask(in: .nanoseconds(Int64(seat.loadNotBefore - now))) { self.gather(seat.shard) }
    }

    private func gather(_ shard: ShardID) {
        loads.add(shard)
        guard !loads.isGathering else { return }
        loads.isGathering = true
        loop.eventLoop.scheduleTask(in: .milliseconds(LoadLine.gatheringMilliseconds)) {
            self.loads.isGathering = false
            self.beginLoads()
        }
    }

    private func beginLoads() {
        while let (shards, rank) = loads.next(rank) {
            read(shards.map { ($0, loop.seat($0).duty.generation) }, rank)
        }
    }

    private func rank(_ shard: ShardID) -> LoadLine.Rank? {
        let seat = loop.seat(shard)
        guard seat.duty.wantsLoad(of: seat.duty.generation), !isRead(seat) else {
            seat.isLoadWanted = false
            return nil
        }
        return urgency(of: seat)
    }

    private func urgency(of seat: ShardSeat) -> LoadLine.Rank {
        seat.duty.ownEpoch != nil ? .owned : seat.duty.activeMove != nil ? .handedOver : .standby
    }

    /// Whether it is being read already, with no less urgency than it has now.
    private func isRead(_ seat: ShardSeat) -> Bool { seat.readings.contains { $0 <= urgency(of: seat) } }

    /// For the end of the worker, which waits for no pass: their statements are cancelled.
    /// - Returns: what ends as soon as PostgreSQL has answered that.
    func stopLoads() -> [Task<Void, Never>] {
        for pass in passes.values { pass.cancel() }
        return Array(passes.values)
    }

    /// - Parameter wanted: with the generations of their duties, now.
    private func read(_ wanted: [(shard: ShardID, generation: UInt64)], _ rank: LoadLine.Rank) {
        let started = monotonicNow()
        let pool = rank == .owned ? pools.load : pools.ahead
        let eventLoop = loop.eventLoop
        let shards = wanted.map(\.shard)
        for shard in shards {
            loop.seat(shard).isLoadWanted = false
            loop.seat(shard).readings.append(rank)
        }
        passesBegun += 1
        let number = passesBegun
        // Not waited for: other shards may come or go while these load.
        passes[number] = Task {
            let result: Result<ShardLoad, any Error>
            do { result = .success(try await pool.withConnection { try ShardLoad.read(shards, on: $0) }) } catch {
                result = .failure(error)
            }
            let isStopped = Task.isCancelled
            eventLoop.execute {
                self.passes[number] = nil
                self.loads.ended(rank)
                for shard in shards {
                    let seat = self.loop.seat(shard)
                    if let index = seat.readings.firstIndex(of: rank) { seat.readings.remove(at: index) }
                }
                switch result {
                case .success(let loaded): self.take(loaded, wanted, started)
                // The worker ends: nothing is wanted any more.
                case .failure where isStopped: return
                case .failure(let error):
                    self.logger.error(
                        "shards could not be loaded; trying again", metadata: ["shards": "\(wanted.count)", "error": "\(error)"])
                    for (shard, generation) in wanted { self.failed(shard, generation, LoadLine.retryNanoseconds) }
                }
                self.beginLoads()
            }
        }
    }

    private func take(_ loaded: ShardLoad, _ wanted: [(shard: ShardID, generation: UInt64)], _ started: MonotonicNanoseconds) {
        let generations = Dictionary(wanted.map { ($0.shard, $0.generation) }, uniquingKeysWith: max)
        var taken = 0
        for host in loaded.hosts.value {
            let seat = loop.seat(host.shard)
            // The shard may have gone elsewhere meanwhile.
            guard let generation = generations[host.shard], seat.duty.wantsLoad(of: generation) else { continue }
            taken += 1
            seat.loadNotBefore = 0
            seat.copy = host
            tell(seat) { $0.loaded(at: host.applied, of: generation, now: monotonicNow()) }
        }
        logger.notice(
            "shards loaded",
            metadata: [
                "shards": "\(taken)", "affiliates": "\(loaded.affiliates)",
                "milliseconds": "\((monotonicNow() - started) / 1_000_000)",
            ])
        for (shard, error) in loaded.broken {
            logger.error(
                "a shard's rows make no hierarchy; mend them (`fature validate` names them): it is tried again",
                metadata: ["shard": "\(shard)", "error": "\(error)"])
            if let generation = generations[shard] { failed(shard, generation, LoadLine.brokenRetryNanoseconds) }
        }
    }

    private func failed(_ shard: ShardID, _ generation: UInt64, _ pause: UInt64) {
        let seat = loop.seat(shard)
        let now = monotonicNow()
        seat.loadNotBefore = now + pause
        // Another pass goes on with it, or is about to: what becomes of that one is told.
        guard !seat.isLoadWanted, seat.readings.isEmpty else { return }
        if seat.duty.wantsLoad(of: generation) { tell(seat) { $0.loadFailed(now: now) } }
    }
}
