import Core
import Ownership

/// What a worker does with requests, and its payments.
extension WorkerProcess {
    /// A gateway's frame has arrived. The clock is read again for each.
    func receive(_ request: Request, _ answer: @escaping Answering) {
        guard isTrusted else { return answer(.notOwner) }
        let shard = request.shard
        let waiting = ShardPlace.Waiting(request: request, answer: answer)
        switch request.kind {
        case .read: read(waiting, shard)
        case .write(let kind, _):
            guard places[shard].line.count < 256 else { return answer(.refused) }
            switch places[shard].duty.write(isWide: kind.isWide) {
            case .serve, .hold:
                places[shard].line.append(waiting)
                pump(shard)
            case let other: decline(other, waiting, shard)
            }
        case .transaction:
            guard places[shard].intake.count < 256 else { return answer(.refused) }
            switch places[shard].duty.write() {
            case .serve, .hold:
                places[shard].intake.append(waiting)
                takeIn(shard)
            case let other: decline(other, waiting, shard)
            }
        }
    }

    private func read(_ waiting: ShardPlace.Waiting, _ shard: Int) {
        switch permission(shard) {
        case .serve(let epoch):
            guard let copy = places[shard].copy else { return waiting.answer(.refused) }
            cluster.checks.answered(by: self, shard, epoch, copy)
            waiting.answer(.read(copy.applied, copy.members))
        case .hold:
            guard places[shard].heldReads.count < 256 else { return waiting.answer(.refused) }
            places[shard].heldReads.append(waiting)
        case let other: decline(other, waiting, shard)
        }
    }

    private func permission(_ shard: Int) -> ShardDuty.Answer {
        switch places[shard].duty.state {
        case .following(let target) where cluster.breaks(.targetServesBeforeCommit):
            if case .confirmed = target.move.stage { return .serve(target.move.nextEpoch) }
        case .handingOff(let epoch, let source) where cluster.breaks(.sourceReadsAfterCommitSent):
            if case .committing = source.state { return .serve(epoch) }
        default: break
        }
        return places[shard].duty.read()
    }

    private func decline(_ reason: ShardDuty.Answer, _ waiting: ShardPlace.Waiting, _ shard: Int) {
        switch reason {
        case .moved(let owner, let epoch):
            if places[shard].duty.shouldLookWhenAsked { lookAtOnce() }
            waiting.answer(.moved(to: owner, epoch))
        case .notYet: waiting.answer(.notYet)
        case .loading: waiting.answer(.refused)
        default:
            if places[shard].duty.shouldLookWhenAsked { lookAtOnce() }
            waiting.answer(.notOwner)
        }
    }

    /// Reads that waited for the end of a commit.
    func answerHeld(_ shard: Int) {
        let held = places[shard].heldReads
        places[shard].heldReads = []
        for waiting in held { if isTrusted { read(waiting, shard) } else { waiting.answer(.notOwner) } }
    }

    // MARK: Writes

    /// Begins the next write of the line, if none is going on and none is held.
    func pump(_ shard: Int) {
        while places[shard].job == nil, let first = places[shard].line.first, case .write(let kind, let key) = first.request.kind
        {
            switch places[shard].duty.write(isWide: kind.isWide) {
            case .hold: return
            case .serve(let epoch):
                places[shard].line.removeFirst()
                places[shard].job = ShardPlace.Job(waiting: first, epoch: epoch, isWide: kind.isWide)
                begin(kind, key, shard, epoch)
            case let other:
                places[shard].line.removeFirst()
                decline(other, first, shard)
            }
        }
    }

    private func locks(_ kind: WriteKind, _ shard: Int) -> [(Locks.Key, Locks.Mode)] {
        var sequences = [shard]
        if case .move(_, let target) = kind { sequences = [shard, target].sorted() }
        return [(.shard(shard), .shared)] + sequences.map { (.sequence($0), .exclusive) }
    }

    private func begin(_ kind: WriteKind, _ key: Int, _ shard: Int, _ epoch: Epoch) {
        let instance = instance
        let work = kind.isWide ? cluster.random.between(milliseconds(1), milliseconds(40)) : microseconds(250)
        cluster.database.call(
            from: self, locks: locks(kind, shard), work: work, patience: milliseconds(600),
            body: { $0.change(shard, kind, key: key, owner: instance, epoch: epoch) }
        ) { [unowned self] outcome in
            guard keeper.instance == instance else { return }
            guard places[shard].job?.epoch == epoch else { return }
            switch outcome {
            case .value(.done(let sequence, let change)):
                if cluster.breaks(.answersBeforeApplied) { return end(shard, .done(sequence)) }
                places[shard].job?.sequence = sequence
                committed(change, at: sequence, shard)
            case .value(.fenced): fenced(shard, epoch)
            case .value(.refused): end(shard, .senseless)
            case .failed: end(shard, .refused)
            case .unknown: resolve(key, shard, epoch)
            }
        }
    }

    /// Finds out, behind all who write to the shard, whether a write was committed whose answer was lost.
    private func resolve(_ key: Int, _ shard: Int, _ epoch: Epoch) {
        let instance = instance
        cluster.database.call(
            from: self, locks: [(.sequence(shard), .exclusive)], patience: milliseconds(600), body: { $0.writes[key] }
        ) { [unowned self] outcome in
            guard keeper.instance == instance, places[shard].job?.epoch == epoch else { return }
            guard places[shard].duty.ownEpoch == epoch else { return end(shard, .unknown) }
            guard case .value(let known) = outcome else {
                return after(milliseconds(20)) { [unowned self] in resolve(key, shard, epoch) }
            }
            guard let known, known.shard == shard else { return end(shard, .refused) }
            places[shard].job?.sequence = known.sequence
            committed(nil, at: known.sequence, shard)
        }
    }

    /// Answers the write that is committed, once the copy contains it.
    func settleJob(_ shard: Int) {
        guard let job = places[shard].job, let sequence = job.sequence else { return }
        guard places[shard].duty.ownEpoch == job.epoch else { return end(shard, .unknown) }
        guard let copy = places[shard].copy, copy.applied >= sequence else { return }
        end(shard, .done(sequence))
    }

    private func end(_ shard: Int, _ reply: Reply) {
        guard let job = places[shard].job else { return }
        places[shard].job = nil
        job.waiting.answer(reply)
        checkQuiet(shard)
        pump(shard)
    }

    private func fenced(_ shard: Int, _ epoch: Epoch) {
        cluster.trace("\(name) shard \(shard): fenced at \(epoch)")
        perform(places[shard].duty.fenced(at: epoch), shard)
        end(shard, .notOwner)
    }

    // MARK: Transactions

    /// Sends the next group of transactions off, if none is on its way.
    func takeIn(_ shard: Int) {
        guard !places[shard].isTakingIn, !places[shard].intake.isEmpty else { return }
        let group = places[shard].intake
        switch places[shard].duty.write() {
        case .hold: return
        case .serve(let epoch):
            guard let copy = places[shard].copy else { return }
            places[shard].intake = []
            places[shard].isTakingIn = true
            let new = group.compactMap { waiting -> Tables.NewTransaction? in
                guard case .transaction(let bit, let key) = waiting.request.kind else { return nil }
                return Tables.NewTransaction(
                    key: key, upline: copy.members.upline(of: bit), applied: copy.applied, floor: waiting.request.floor)
            }
            accept(new, group, shard, epoch, attempts: 0)
        case let other:
            places[shard].intake = []
            for waiting in group { decline(other, waiting, shard) }
        }
    }

    private func accept(
        _ new: [Tables.NewTransaction], _ group: [ShardPlace.Waiting], _ shard: Int, _ epoch: Epoch, attempts: Int
    ) {
        let instance = instance
        cluster.database.call(
            from: self, locks: [(.shard(shard), .shared)], patience: milliseconds(600),
            body: { $0.accept(new, shard, owner: instance, epoch: epoch) }
        ) { [unowned self] outcome in
            guard keeper.instance == instance else { return }
            switch outcome {
            case .value(let numbers?):
                cluster.redis.add(numbers, shard, from: self)
                for waiting in group { waiting.answer(.accepted) }
                if !numbers.isEmpty { pay(shard) }
            case .value(nil):
                for waiting in group { waiting.answer(.notOwner) }
                perform(places[shard].duty.fenced(at: epoch), shard)
            case .failed where attempts == 0: for waiting in group { waiting.answer(.refused) }
            case .failed, .unknown:
                // The same keys once more tell what became of it.
                guard attempts < 20, places[shard].duty.ownEpoch == epoch else {
                    for waiting in group { waiting.answer(.unknown) }
                    break
                }
                return after(milliseconds(20)) { [unowned self] in accept(new, group, shard, epoch, attempts: attempts + 1) }
            }
            places[shard].isTakingIn = false
            checkQuiet(shard)
            takeIn(shard)
        }
    }

    // MARK: Payments

    func pay(_ shard: Int) {
        guard let instance = keeper.instance, !places[shard].isPaying, cluster.redis.isWaiting(shard),
            case .serve(let epoch) = places[shard].duty.write()
        else { return }
        places[shard].isPaying = true
        cluster.redis.take(shard, instance, epoch, from: self) { [unowned self] jobs in
            guard keeper.instance == instance else { return }
            guard !jobs.isEmpty else { return paid(shard) }
            cluster.database.call(
                from: self, locks: [(.shard(shard), .shared)], body: { $0.pay(jobs, shard, owner: instance, epoch: epoch) }
            ) { [unowned self] outcome in
                guard keeper.instance == instance else { return }
                if case .value(true) = outcome {
                    cluster.redis.settle(jobs, shard, instance, isDone: true, from: self)
                } else {
                    cluster.redis.settle(jobs, shard, instance, isDone: false, from: self)
                }
                paid(shard)
                pay(shard)
            }
        }
    }

    private func paid(_ shard: Int) {
        places[shard].isPaying = false
        checkQuiet(shard)
    }

    /// Adds jobs for what is accepted, old and not paid.
    func sweep() {
        guard let instance = keeper.instance else { return }
        for shard in places.indices {
            guard case .serve(let epoch) = places[shard].duty.write() else { continue }
            cluster.redis.keep(shard, instance, epoch, from: self)
            let before = cluster.timeline.now - min(cluster.timeline.now, milliseconds(300))
            cluster.database.call(from: self, body: { $0.unpaid(shard, before: before) }) { [unowned self] outcome in
                guard keeper.instance == instance, case .value(let numbers) = outcome, !numbers.isEmpty else { return }
                cluster.redis.add(numbers, shard, from: self)
            }
        }
    }
}
