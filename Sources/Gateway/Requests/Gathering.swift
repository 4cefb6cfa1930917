import Core
import Frames
import HTTP2

/// A question to all workers at once, and what has come back. Each part says which shards it covers: the answer is given only when every
/// shard has been counted exactly once.
struct Gathering {
    private(set) var covered = ShardSet()
    private var waiting: [ObjectIdentifier: WorkerLink] = [:]
    var ranked: [RankedAffiliate] = []
    var statistics: [ShardStatistics] = []

    mutating func asked(_ link: WorkerLink) { waiting[ObjectIdentifier(link)] = link }

    func waitsFor(_ link: WorkerLink) -> Bool { waiting[ObjectIdentifier(link)] != nil }

    /// Returns false if the worker was not asked or has answered before.
    mutating func answered(_ link: WorkerLink) -> Bool { waiting.removeValue(forKey: ObjectIdentifier(link)) != nil }

    /// Every worker that has not answered.
    var waitingLinks: [WorkerLink] { Array(waiting.values) }

    /// Takes the shards of one part; false if one was covered already.
    mutating func cover(_ shards: ShardSet) -> Bool {
        guard covered.isDisjoint(with: shards) else { return false }
        covered.formUnion(shards)
        return true
    }
}

extension GatewayLoop {
    /// Asks every owner; `write` adds the question's fields.
    func gather(_ index: Int, _ operation: Operation, write: (ByteBuilder) -> Void) {
        let owners = ownerLinks
        guard !owners.isEmpty, owners.allSatisfy({ $0.isConnected }) else {
            respond(index, .shardUnavailable)
            return
        }
        guard owners.allSatisfy({ $0.canTakeMore }) else {
            respond(index, .overloaded)
            return
        }
        var gathering = Gathering()
        for link in owners {
            guard ask(link, operation, shard: ShardSet.allShards, slot: index, write: write) else { continue }
            gathering.asked(link)
        }
        requests[index].hasSideTable = true
        gatherings[slab.token(of: index)] = gathering
    }

    func receivePart(_ index: Int, _ fields: FieldReader, from link: WorkerLink) {
        let token = slab.token(of: index)
        guard var gathering = gatherings[token] else { return }
        if gathering.answered(link) { link.inFlightCount = max(0, link.inFlightCount - 1) }
        gatherings[token] = gathering
        var fields = fields
        guard let shards = ShardSet(from: &fields), gathering.cover(shards), let count = fields.integer(UInt32.self) else {
            // Two workers claim one shard, or a part makes no sense: a moment of changing owners. Better no answer than a wrong one.
            respond(index, .shardUnavailable)
            return
        }
        for _ in 0..<count {
            if case .rankings? = requests[index].route {
                guard let line = RankedAffiliate(from: &fields) else { break }
                gathering.ranked.append(line)
            } else {
                guard let line = ShardStatistics(from: &fields), line.isPlausible else { break }
                gathering.statistics.append(line)
            }
        }
        guard fields.isAtEnd else {
            logger.error("a worker's part of an answer makes no sense", metadata: ["worker": "\(link.owner.name)"])
            respond(index, .internalError)
            return
        }
        gatherings[token] = gathering
        guard gathering.covered == .all else {
            // All have answered and some shard is nobody's yet, as while workers load: no later part can complete this.
            guard gathering.waitingLinks.isEmpty else { return }
            if case .ready? = requests[index].route {
                respondReady(index, served: gathering.covered.count)
            } else {
                respond(index, .shardUnavailable)
            }
            return
        }
        // Complete: nobody owes a part any more.
        switch requests[index].route {
        case .rankings(let question)?: respondRanking(index, question, gathering.ranked)
        case .ready?: respondReady(index, served: ShardID.count)
        default: respondStatistics(index, gathering.statistics)
        }
    }

    private func respondRanking(_ index: Int, _ question: RankingQuestion, _ lines: [RankedAffiliate]) {
        // The workers answer one after the other: an affiliate that moves from one to the other meanwhile may be in two parts.
        var seen: Set<AffiliateID> = []
        let best = lines.sorted(by: RankedAffiliate.ranksBefore).filter { seen.insert($0.affiliate).inserted }
            .prefix(Int(question.limit))
        body.removeAll()
        body.append("{\"metric\":\"" as StaticString)
        body.append(question.metric.name)
        body.append("\",\"rankings\":[" as StaticString)
        for (at, line) in best.enumerated() {
            if at > 0 { body.append(UInt8(ascii: ",")) }
            body.append("{\"rank\":" as StaticString)
            body.appendDecimal(at + 1)
            body.append(",\"affiliate_id\":" as StaticString)
            body.appendDecimal(line.affiliate.rawValue)
            body.append(",\"value\":" as StaticString)
            body.appendDecimal(line.value)
            body.append(UInt8(ascii: "}"))
        }
        body.append("]}" as StaticString)
        respond(index, status: 200, type: .json, body: body.bytes)
    }
}
