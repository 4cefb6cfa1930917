import Core
import Logging
import NIOCore
import Ownership

/// Shards that are to be read from PostgreSQL, gathered so that one pass over the table brings many.
struct LoadLine {
    /// With the generation of the duty that asked for it.
    var wanted: [(shard: ShardID, generation: UInt64)] = []

    static let gatheringMilliseconds: Int64 = 10
    static let retryNanoseconds: UInt64 = 500_000_000
    /// Rows that make no hierarchy are looked at less often: each look reads them all.
    static let brokenRetryNanoseconds: UInt64 = 5_000_000_000
}

extension ShardSteward {
    /// Has a shard read, together with all others for which that is asked about now.
    func load(_ seat: ShardSeat) {
        let generation = seat.duty.generation
        guard seat.loadsFor != generation else { return }
        seat.loadsFor = generation
        let now = monotonicNow()
        guard seat.loadNotBefore > now else { return gather(seat, generation) }
        loop.eventLoop.scheduleTask(in: .nanoseconds(Int64(seat.loadNotBefore - now))) {
            guard seat.loadsFor == generation else { return }
            guard seat.duty.wantsLoad(of: generation) else { return seat.loadsFor = nil }
            self.gather(seat, generation)
        }
    }

    private func gather(_ seat: ShardSeat, _ generation: UInt64) {
        loads.wanted.append((seat.shard, generation))
        guard loads.wanted.count == 1 else { return }
        loop.eventLoop.scheduleTask(in: .milliseconds(LoadLine.gatheringMilliseconds)) {
            let wanted = self.loads.wanted
            self.loads.wanted = []
            self.read(wanted)
        }
    }

    private func read(_ wanted: [(shard: ShardID, generation: UInt64)]) {
        guard let instance else { return forget(wanted) }
        let started = monotonicNow()
        let pool = pools.load
        let eventLoop = loop.eventLoop
        let shards = Array(Set(wanted.map(\.shard)))
        // Not waited for: other shards may come or go while these load.
        Task {
            let result: Result<ShardLoad, any Error>
            do { result = .success(try await pool.withConnection { try ShardLoad.read(shards, on: $0) }) } catch {
                result = .failure(error)
            }
            eventLoop.execute {
                self.forget(wanted)
                guard self.instance == instance else { return }
                switch result {
                case .success(let loaded): self.take(loaded, wanted, started)
                case .failure(let error):
                    self.logger.error(
                        "shards could not be loaded; trying again", metadata: ["shards": "\(wanted.count)", "error": "\(error)"])
                    for (shard, generation) in wanted { self.failed(shard, generation, LoadLine.retryNanoseconds) }
                }
            }
        }
    }

    private func forget(_ wanted: [(shard: ShardID, generation: UInt64)]) {
        for (shard, generation) in wanted where loop.seat(shard).loadsFor == generation { loop.seat(shard).loadsFor = nil }
    }

    private func take(_ loaded: ShardLoad, _ wanted: [(shard: ShardID, generation: UInt64)], _ started: MonotonicNanoseconds) {
        let generations = Dictionary(wanted.map { ($0.shard, $0.generation) }, uniquingKeysWith: max)
        var taken = 0
        for host in loaded.hosts.value {
            let seat = loop.seat(host.shard)
            // The shard may have gone elsewhere, or to another epoch, meanwhile.
            guard let generation = generations[host.shard], seat.duty.wantsLoad(of: generation) else { continue }
            taken += 1
            seat.loadNotBefore = 0
            seat.copy = host
            tell(seat) { $0.loaded(at: host.applied, now: monotonicNow()) }
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
        if seat.duty.wantsLoad(of: generation) { tell(seat) { $0.loadFailed(now: now) } }
    }
}
