import Core
import Frames
import HTTP2

/// A question to all workers at once, and what has come back. Each part says which shards it covers: the answer is given only when every
/// shard has been counted exactly once. In the moment of a hand-off nobody or two have a shard, and all are asked again. `/ready` alone is answered without
/// those who cannot be asked: it says what is served and what is not.
struct Gathering {
    /// How often all have been asked.
    let round: Int
    private(set) var covered = ShardSet()
    private var waiting: [ObjectIdentifier: WorkerLink] = [:]
    /// Whether a part claims what another one has claimed, or is missing: then this round comes to nothing.
    var isSpoiled = false
    /// Whether somebody who has shards could not be asked: asking again would not help.
    var isPartial = false
    var ranked: [RankedAffiliate] = []
    var statistics: [ShardStatistics] = []

    /// Asked so often, and no more; and the pauses in between. Milliseconds.
    static let roundsMax = 8
    private static let pauseMin: Int64 = 5
    private static let pauseMax: Int64 = 100

    init(round: Int) { self.round = round }

    mutating func asked(_ link: WorkerLink) { waiting[ObjectIdentifier(link)] = link }

    func waitsFor(_ link: WorkerLink) -> Bool { waiting[ObjectIdentifier(link)] != nil }

    /// Returns false if the worker was not asked or has answered before.
    mutating func answered(_ link: WorkerLink) -> Bool { waiting.removeValue(forKey: ObjectIdentifier(link)) != nil }

    /// Every worker that has not answered.
    var waitingLinks: [WorkerLink] { Array(waiting.values) }

    /// Takes the shards of one part; one that was covered already spoils the round.
    mutating func cover(_ shards: ShardSet) {
        if !covered.isDisjoint(with: shards) { isSpoiled = true }
        covered.formUnion(shards)
    }

    /// How long to wait before all are asked again, milliseconds; nil: that was often enough.
    var pauseMilliseconds: Int64? {
        round < Self.roundsMax ? min(Self.pauseMin << Int64(round - 1), Self.pauseMax) : nil
    }
}

extension GatewayLoop {
    /// Asks every owner what the request's route asks.
    func gather(_ index: Int) {
        let token = slab.token(of: index)
        var gathering = Gathering(round: (gatherings[token]?.round ?? 0) + 1)
        requests[index].hasSideTable = true
        requests[index].attempts = UInt8(clamping: gathering.round)
        gatherings[token] = gathering
        var isWhole = true
        for number in 0..<ShardID.count {
            switch reach(ShardID(number)) {
            case .worker: continue
            case .soon: isWhole = false
            case .nobody where isReadiness(index): gathering.isPartial = true
            case .nobody: return refuseGathering(index)
            }
        }
        if isWhole { return ask(ownerLinks, index, gathering) }
        guard isReadiness(index), gathering.pauseMilliseconds == nil else { return gatherAgain(index, gathering) }
        gathering.isPartial = true
        ask(ownerLinks, index, gathering)
    }

    private func isReadiness(_ index: Int) -> Bool { if case .ready? = requests[index].route { true } else { false } }

    private func ask(_ owners: [WorkerLink], _ index: Int, _ begun: Gathering) {
        var owners = owners
        var gathering = begun
        if isReadiness(index) {
            let asked = owners.filter { $0.isConnected && $0.canTakeMore }
            if asked.count < owners.count { gathering.isPartial = true }
            owners = asked
        } else if !owners.allSatisfy(\.canTakeMore) {
            return respond(index, .overloaded)
        }
        for link in owners {
            let isAsked =
                switch requests[index].route {
                case .rankings(let question)?:
                    ask(link, .rankings, shard: ShardSet.allShards, slot: index) { question.write(to: $0) }
                case .ready?: ask(link, .presence, shard: ShardSet.allShards, slot: index) { _ in }
                default: ask(link, .statistics, shard: ShardSet.allShards, slot: index) { _ in }
                }
            if isAsked { gathering.asked(link) }
        }
        gatherings[slab.token(of: index)] = gathering
        if owners.isEmpty { refuseGathering(index) }
    }

    /// A round came to nothing, and nobody owes a part of it: all are asked again a little later, unless that was often enough or there is no
    /// time left.
    private func gatherAgain(_ index: Int, _ gathering: Gathering) {
        guard let pause = gathering.pauseMilliseconds,
            monotonicNow() &+ UInt64(pause) &* 1_000_000 < requests[index].deadline
        else { return refuseGathering(index) }
        let token = slab.token(of: index)
        gatherings[token] = gathering
        eventLoop.scheduleTask(in: .milliseconds(pause)) {
            guard let index = self.slab.slot(for: token), self.gatherings[token] != nil else { return }
            self.gather(index)
            self.flushTransports()
        }
    }

    private func refuseGathering(_ index: Int) {
        if case .ready? = requests[index].route {
            respondReady(index, served: gatherings[slab.token(of: index)]?.covered ?? ShardSet(), isWhole: false)
        } else {
            respond(index, .shardUnavailable)
        }
    }

    /// The connection to a worker is gone, and with it its part.
    func losePart(_ index: Int, of link: WorkerLink) {
        let token = slab.token(of: index)
        guard isReadiness(index), var gathering = gatherings[token], gathering.answered(link) else {
            return respond(index, .shardUnavailable)
        }
        gathering.isPartial = true
        gatherings[token] = gathering
        if gathering.waitingLinks.isEmpty { refuseGathering(index) }
    }

    /// Answers `/ready` when its deadline has passed: whoever has not answered serves nothing. False if the request is another.
    func respondIfReadiness(_ index: Int) -> Bool {
        guard isReadiness(index) else { return false }
        refuseGathering(index)
        return true
    }

    /// One worker's answer to a question to all.
    func receivePart(_ index: Int, _ header: FrameHeader, _ outcome: Outcome, _ fields: FieldReader, from link: WorkerLink) {
        let token = slab.token(of: index)
        guard var gathering = gatherings[token], gathering.answered(link) else {
            metrics.lateAnswers &+= 1
            return
        }
        link.inFlightCount = max(0, link.inFlightCount - 1)
        var fields = fields
        switch outcome {
        case .binary:
            guard read(&fields, into: &gathering, of: index) else {
                gatherings[token] = gathering
                logger.error("a worker's part of an answer makes no sense", metadata: ["worker": "\(link.owner.name)"])
                return respond(index, .internalError)
            }
        case .notOwner, .moved, .notYet: gathering.isSpoiled = true
        case .problem where isReadiness(index): gathering.isPartial = true
        case .problem:
            gatherings[token] = gathering
            return receiveProblem(index, WorkerProblem(rawValue: header.word), detail: fields.text())
        case .body, .elsewhere:
            gatherings[token] = gathering
            return respond(index, .internalError)
        }
        gatherings[token] = gathering
        if !gathering.isSpoiled, gathering.covered == .all {
            // Complete: nobody owes a part any more.
            switch requests[index].route {
            case .rankings(let question)?: respondRanking(index, question, gathering.ranked)
            case .ready?: respondReady(index, served: .all, isWhole: true)
            default: respondStatistics(index, gathering.statistics)
            }
        } else if gathering.waitingLinks.isEmpty, gathering.isPartial {
            refuseGathering(index)
        } else if gathering.waitingLinks.isEmpty {
            // A shard is claimed twice, or nobody's yet, as in a hand-off or while workers load.
            gatherAgain(index, gathering)
        }
    }

    /// Takes a part; false if it makes no sense.
    private func read(_ fields: inout FieldReader, into gathering: inout Gathering, of index: Int) -> Bool {
        guard let shards = ShardSet(from: &fields), let count = fields.integer(UInt32.self) else { return false }
        gathering.cover(shards)
        for _ in 0..<count {
            if case .rankings? = requests[index].route {
                guard let line = RankedAffiliate(from: &fields) else { return false }
                gathering.ranked.append(line)
            } else {
                guard let line = ShardStatistics(from: &fields), line.isPlausible else { return false }
                gathering.statistics.append(line)
            }
        }
        return fields.isAtEnd
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
