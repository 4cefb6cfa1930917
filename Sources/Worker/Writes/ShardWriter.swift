import Core
import Frames
import Hierarchy
import Logging
import PostgresClient
import Store

/// Carries out the jobs of the shards: each shard's one after the other, different shards' side by side.
///
/// A job is committed in PostgreSQL behind the epoch fence, applied to the partition, and then answered: whoever has the answer can read the
/// change. When a commit's answer is lost, the changes that PostgreSQL has recorded decide what happened.
final class ShardWriter: ShardWriting, @unchecked Sendable {
    // @unchecked: confined to the loop's event loop; tasks carry values only.
    private unowned let loop: WorkerLoop
    private let pools: Pools
    private var catchUps = CatchUpLine()
    private let logger: Logger
    let instance: WorkerInstanceID
    private let events: Events

    struct Pools {
        /// Joins and statuses.
        var write: PostgresPool
        /// Moves of subtrees, which may take seconds.
        var wide: PostgresPool
        /// What others have committed, which may take as long.
        var catchUp: PostgresPool
    }

    /// What a shard's memory has come to. All on the event loop.
    struct Events {
        /// It can not follow, or does not fit: it has to be loaded anew.
        var lost: (ShardHost) -> Void
        /// It contains all that was committed up to a change, which was the last when that was asked, in this generation of its duty.
        var followed: (ShardHost, ChangeSequence, UInt64) -> Void
        /// A job has ended.
        var progressed: (ShardHost) -> Void
        /// PostgreSQL has refused a write at this epoch.
        var fenced: (ShardHost, Epoch) -> Void
    }

    init(
        loop: WorkerLoop, pools: Pools, instance: WorkerInstanceID, logger: Logger, events: Events
    ) {
        self.loop = loop
        self.pools = pools
        self.instance = instance
        self.logger = logger
        self.events = events
    }

    func pump(_ host: ShardHost) {
        guard loop.isCurrent(host) else { return }
        // What goes on may be a catch-up that waits for its turn, and has become urgent with who came to the line or waits to read.
        if host.isBusy { return pumpCatchUps() }
        let seat = loop.seat(host.shard)
        while let job = host.nextJob({ if case .serve = seat.duty.write(isWide: $0.isWide) { true } else { false } }) {
            if job.deadline < monotonicNow() {
                job.reply?.refuse(.deadlineExceeded)
                host.jobEnded()
                continue
            }
            begin(job, host, seat.duty.generation)
            return
        }
    }

    func catchUp(_ host: ShardHost) {
        guard host.add(ShardJob(kind: .catchUp, deadline: .max, reply: nil)) else { return }
        pump(host)
    }

    /// - Parameter generation: of the shard's duty, now.
    private func begin(_ job: ShardJob, _ host: ShardHost, _ generation: UInt64) {
        let fence = WriteFence(shard: host.shard, owner: instance, epoch: host.epoch)
        let applied = host.applied
        let kind = job.kind
        let deadline = job.deadline
        let question: @Sendable (PostgresConnection) throws -> WriteResult = { connection in
            // Between the shard's line and a free connection time has passed: nobody waits any more, nothing is written.
            if deadline < monotonicNow() { return .expired }
            return try WriteResult.perform(kind, fence, applied: applied, on: connection)
        }
        let done: (WriteResult) -> Void = { self.finish(job, host, $0, generation) }
        switch kind {
        case .join, .setStatus: ask(pools.write, question, done)
        case .move: ask(pools.wide, question, done)
        case .catchUp: askForChanges(.init(host: host, isOfCaller: false, ask: question, done: done))
        }
    }

    /// Asks what others have committed, in the order of who waits for it.
    private func askForChanges(_ question: CatchUpLine.Question) {
        catchUps.add(question)
        pumpCatchUps()
    }

    private func pumpCatchUps() {
        while let (question, rank) = catchUps.next(rank) {
            ask(pools.catchUp, question.ask) { result in
                self.catchUps.ended(rank)
                question.done(result)
                self.pumpCatchUps()
            }
        }
    }

    private func rank(_ question: CatchUpLine.Question) -> CatchUpLine.Rank {
        let host = question.host
        let duty = loop.seat(host.shard).duty
        if question.isOfCaller || host.hasCallers || host.isWaitedFor || duty.activeMove != nil { return .awaited }
        guard duty.ownEpoch != nil else { return .followed }
        if case .serving = duty.state { return .served }
        return .awaited
    }

    /// Asks PostgreSQL on a thread of the pool and comes back to the event loop.
    private func ask(
        _ pool: PostgresPool, _ question: @escaping @Sendable (PostgresConnection) throws -> WriteResult,
        _ done: @escaping (WriteResult) -> Void
    ) {
        let done = LoopConfined(done)
        Task {
            let result: WriteResult
            do {
                result = try await pool.withConnection(question)
            } catch {
                result = WriteResult(error)
            }
            loop.eventLoop.execute { done.value(result) }
        }
    }

    // MARK: After the commit

    private func finish(_ job: ShardJob, _ host: ShardHost, _ result: WriteResult, _ generation: UInt64) {
        switch result {
        case .join(let outcome): finishJoin(job, host, outcome)
        case .setStatus(let outcome): finishStatus(job, host, outcome)
        case .move(let outcome): finishMove(job, host, outcome)
        case .caughtUp(let news):
            let last = news.last ?? host.applied
            apply(news, to: host) {
                self.end(host)
                self.events.followed(host, last, generation)
            }
        case .expired:
            job.reply?.refuse(.deadlineExceeded)
            end(host)
        case .refused(let reason):
            logger.warning("a change was not written", metadata: ["shard": "\(host.shard)", "reason": "\(reason)"])
            job.reply?.refuse(.databaseUnavailable)
            end(host)
        // Nothing was written: the next look at the changes asks again.
        case .unknown where job.kind.isCatchUp: end(host)
        case .unknown(let reason):
            logger.warning(
                "the answer of a commit was lost; asking what was committed",
                metadata: ["shard": "\(host.shard)", "reason": "\(reason)"])
            resolveUnknown(job, host, attempt: 1)
        }
    }

    private func finishJoin(_ job: ShardJob, _ host: ShardHost, _ outcome: JoinOutcome) {
        guard case .join(let order) = job.kind else { return end(host) }
        switch outcome {
        case .joined(let id, _, let sequence):
            let row = AffiliateRow(id: id, parent: order.parent, status: order.status, profile: order.profile)
            settle(.join(row), sequence, host) {
                self.answerWithAffiliate(id, status: 201, job, host)
                self.end(host)
            }
        case .fenced: fenced(job, host)
        case .unknownParent: refuse(job, host, .unknownParent)
        case .parentElsewhere(let shard): elsewhere(job, host, shard)
        case .tooDeep: refuse(job, host, .tooDeep, "no affiliate may stand below level \(hierarchyLevelMax)")
        case .duplicate(let field, let holder, _):
            let problem: WorkerProblem =
                switch field {
                case .affiliateID: .duplicateAffiliateID
                case .externalID: .duplicateExternalID
                case .referralCode: .duplicateReferralCode
                }
            refuse(job, host, problem, "affiliate \(holder) has this \(field.rawValue)")
        }
    }

    private func finishStatus(_ job: ShardJob, _ host: ShardHost, _ outcome: StatusOutcome) {
        guard case .setStatus(let order) = job.kind else { return end(host) }
        let id = order.about.affiliate
        switch outcome {
        case .changed(_, let sequence):
            settle(.status(id, order.status), sequence, host) {
                self.answerWithAffiliate(id, status: 200, job, host)
                self.end(host)
            }
        case .unchanged:
            let answer = {
                self.answerWithAffiliate(id, status: 200, job, host)
                self.end(host)
            }
            // It may have come with a move that this worker has not followed yet.
            if host.partition.find(id) == nil { readNews(host, attempt: 1, then: answer) } else { answer() }
        case .fenced: fenced(job, host)
        case .unknownAffiliate: refuse(job, host, .unknownAffiliate)
        case .elsewhere(let shard): elsewhere(job, host, shard)
        }
    }

    private func finishMove(_ job: ShardJob, _ host: ShardHost, _ outcome: MoveOutcome) {
        guard case .move(let order) = job.kind else { return end(host) }
        let id = order.about.affiliate
        switch outcome {
        case .moved(let move):
            let edit =
                move.targetShard == host.shard
                ? PartitionEdit(moved: [.init(id: id, parent: order.newParent)]) : PartitionEdit(removed: [id])
            settle(.edit(edit), move.sequence, host) {
                let receipt = MoveReceipt(
                    targetShard: move.targetShard.rawValue, targetSequence: move.targetSequence ?? move.sequence,
                    oldParent: move.oldParent?.rawValue ?? 0, movedCount: move.affiliatesMoved)
                job.reply?.reply(.binary) { receipt.write(to: $0) }
                self.end(host)
            }
        case .unchanged:
            let receipt = MoveReceipt(
                targetShard: host.shard.rawValue, targetSequence: host.applied, oldParent: order.newParent?.rawValue ?? 0,
                movedCount: 0)
            job.reply?.reply(.binary) { receipt.write(to: $0) }
            end(host)
        case .fenced: fenced(job, host)
        case .unknownAffiliate: refuse(job, host, .unknownAffiliate)
        case .elsewhere(let shard): elsewhere(job, host, shard)
        case .unknownParent: refuse(job, host, .unknownParent)
        case .cycle: refuse(job, host, .cycle)
        case .tooDeep: refuse(job, host, .tooDeep, "somebody would stand below level \(hierarchyLevelMax)")
        }
    }

    /// Applies our own committed change. If others have committed in between, all of it comes from PostgreSQL, in order.
    private func settle(_ change: ResolvedChange, _ sequence: ChangeSequence, _ host: ShardHost, then: @escaping () -> Void) {
        if sequence == host.applied + 1 {
            apply(.changes([.init(sequence: sequence, change: change)]), to: host, then: then)
        } else {
            readNews(host, attempt: 1, then: then)
        }
    }

    /// Reads until it succeeds what has been committed; nothing else happens to the shard meanwhile.
    private func readNews(_ host: ShardHost, attempt: Int, then: @escaping () -> Void) {
        let applied = host.applied
        let shard = host.shard
        let question: @Sendable (PostgresConnection) throws -> WriteResult = {
            .caughtUp(try CatchUp.read(shard, after: applied, on: $0))
        }
        let done: (WriteResult) -> Void = { result in
            if case .caughtUp(let news) = result {
                self.apply(news, to: host, then: then)
            } else {
                // Without the shard there is nothing to bring up to date; `then` answers what is known.
                self.retry(host, attempt: attempt, otherwise: then) { self.readNews(host, attempt: attempt + 1, then: then) }
            }
        }
        askForChanges(.init(host: host, isOfCaller: true, ask: question, done: done))
    }

    /// Finds out whether a write was committed whose answer was lost. Only this worker writes joins and statuses to the shard, and one job at
    /// a time: a new change of that kind is this job's.
    private func resolveUnknown(_ job: ShardJob, _ host: ShardHost, attempt: Int) {
        let applied = host.applied
        let shard = host.shard
        let question: @Sendable (PostgresConnection) throws -> WriteResult = {
            .caughtUp(try CatchUp.read(shard, after: applied, on: $0, afterWriters: true))
        }
        let done: (WriteResult) -> Void = { result in
            guard case .caughtUp(let news) = result else {
                self.retry(
                    host, attempt: attempt,
                    otherwise: {
                        job.reply?.refuse(.outcomeUnknown)
                        self.end(host)
                    }
                ) { self.resolveUnknown(job, host, attempt: attempt + 1) }
                return
            }
            let isCommitted = job.isCommitted(in: news)
            self.apply(news, to: host) {
                switch (isCommitted, job.kind) {
                case (.yes(let id), .join): self.answerWithAffiliate(id, status: 201, job, host)
                case (.yes(let id), .setStatus): self.answerWithAffiliate(id, status: 200, job, host)
                case (.no, _): job.reply?.refuse(.databaseUnavailable)
                default: job.reply?.refuse(.outcomeUnknown)
                }
                self.end(host)
            }
        }
        askForChanges(.init(host: host, isOfCaller: true, ask: question, done: done))
    }

    private static let retryDelayMillisecondsMax: Int64 = 1000

    /// Tries again a little later, or gives up if the shard has gone elsewhere: then its new owner knows what is committed.
    private func retry(_ host: ShardHost, attempt: Int, otherwise giveUp: () -> Void, _ again: @escaping () -> Void) {
        guard loop.isCurrent(host) else {
            giveUp()
            return
        }
        let delay = min(Int64(20) << Int64(min(attempt, 6)), Self.retryDelayMillisecondsMax)
        let again = LoopConfined(again)
        loop.eventLoop.scheduleTask(in: .milliseconds(Int64.random(in: delay / 2...delay))) { again.value() }
    }

    // MARK: Applying

    private func apply(_ news: CatchUp, to host: ShardHost, then: @escaping () -> Void) {
        switch news {
        case .reload:
            events.lost(host)
            then()
        case .changes(let changes): apply(changes[...], to: host, then: then)
        case .net(let net):
            do {
                try applyEdit(net.edit(of: host.partition), and: net.statuses, net.sequence, host, then: then)
            } catch {
                distrust(host, error)
                then()
            }
        }
    }

    private func apply(_ changes: ArraySlice<CatchUp.NumberedChange>, to host: ShardHost, then: @escaping () -> Void) {
        var rest = changes
        do {
            while let next = rest.popFirst() {
                if case .edit(let edit) = next.change {
                    try applyEdit(edit, next.sequence, host) { [rest] in self.apply(rest, to: host, then: then) }
                    return
                }
                try host.applyInPlace(next.change)
                host.advance(to: next.sequence)
            }
            try foldIfNeeded(host)
        } catch {
            distrust(host, error)
        }
        then()
    }

    /// - Parameter statuses: what else belongs to the change; seen together with it.
    private func applyEdit(
        _ edit: PartitionEdit, and statuses: [ResolvedChange] = [], _ sequence: ChangeSequence, _ host: ShardHost,
        then: @escaping () -> Void
    ) throws(PartitionError) {
        let snapshot = host.partition.snapshot()
        if host.isSmall, edit.added.count <= ShardHost.rebuildInPlaceMax {
            try host.replace(try snapshot.rebuilt(edit), and: statuses, sequence)
            then()
            return
        }
        rebuildElsewhere(snapshot, edit) { result in
            do throws(PartitionError) {
                try host.replace(try result.get(), and: statuses, sequence)
            } catch {
                self.distrust(host, error)
            }
            then()
        }
    }

    private func foldIfNeeded(_ host: ShardHost) throws(PartitionError) {
        guard host.needsFold else { return }
        if host.isSmall {
            try host.rebuildNow()
            return
        }
        let (snapshot, number) = host.beginFold()
        rebuildElsewhere(snapshot, PartitionEdit()) { result in
            do throws(PartitionError) {
                try host.endFold(try result.get(), number: number)
            } catch {
                self.distrust(host, error)
            }
        }
    }

    private func rebuildElsewhere(
        _ snapshot: PartitionSnapshot, _ edit: PartitionEdit, _ done: @escaping (Result<Partition, PartitionError>) -> Void
    ) {
        let done = LoopConfined(done)
        let loop = loop
        Task.detached {
            let result = LoopConfined(Result { () throws(PartitionError) in try snapshot.rebuilt(edit) })
            loop.eventLoop.execute { done.value(result.value) }
        }
    }

    /// The partition and PostgreSQL disagree: PostgreSQL is right.
    private func distrust(_ host: ShardHost, _ error: PartitionError) {
        logger.error(
            "a committed change does not fit the partition: the shard is loaded anew",
            metadata: ["shard": "\(host.shard)", "applied": "\(host.applied)", "error": "\(error)"])
        events.lost(host)
    }

    // MARK: Answers

    private func answerWithAffiliate(_ id: AffiliateID, status: UInt32, _ job: ShardJob, _ host: ShardHost) {
        guard let reply = job.reply else { return }
        guard loop.isCurrent(host), let node = host.partition.find(id) else {
            reply.refuse(.outcomeUnknown)
            return
        }
        reply.reply(.body, word: status) { self.loop.writeAffiliate(node, host.partition, $0) }
    }

    private func refuse(_ job: ShardJob, _ host: ShardHost, _ problem: WorkerProblem, _ detail: String = "") {
        job.reply?.refuse(problem, detail)
        end(host)
    }

    private func elsewhere(_ job: ShardJob, _ host: ShardHost, _ shard: ShardID) {
        job.reply?.reply(.elsewhere) {
            $0.appendInteger(shard.rawValue)
            $0.appendInteger(ChangeSequence(0))
        }
        end(host)
    }

    private func fenced(_ job: ShardJob, _ host: ShardHost) {
        logger.warning(
            "a write was fenced off: the shard has another owner", metadata: ["shard": "\(host.shard)", "epoch": "\(host.epoch)"])
        events.fenced(host, host.epoch)
        if let reply = job.reply {
            let seat = loop.seat(host.shard)
            loop.decline(seat.duty.write(isWide: job.kind.isWide), reply, seat)
        }
        end(host)
    }

    private func end(_ host: ShardHost) {
        host.jobEnded()
        pump(host)
        events.progressed(host)
    }
}
