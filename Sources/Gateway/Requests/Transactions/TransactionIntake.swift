import Core
import Frames
import HTTP2

/// Transactions on their way: split by owner, sent, sent again where an owner has changed, answered once each has its result.
extension GatewayLoop {
    /// Bytes of transactions that are on their way, and of the answers they may get; more are refused with 503.
    static let transactionBytesHeldMax = 64 << 20
    static let transactionAnswerBytesDueMax = 64 << 20

    func acceptTransactions(_ index: Int) {
        let items: TransactionItems
        do throws(TransactionBodyError) {
            items = try TransactionParser.parse(
                slab[index].body.bytes, as: slab[index].hasLines ? .lines : .json, currency: currency, scratch: body)
        } catch {
            switch error {
            case .malformed(let detail): respond(index, .malformedBody, detail: detail)
            case .tooMany:
                respond(index, .bodyTooLarge, detail: "a request holds at most \(TransactionOrder.countMax) transactions")
            }
            return
        }
        let batch = TransactionBatch(items)
        guard transactionBytesHeld + batch.memoryBytes <= Self.transactionBytesHeldMax,
            transactionAnswerBytesDue + batch.answerBytesMax <= Self.transactionAnswerBytesDueMax,
            slab.canHoldAnswer(bytes: batch.answerBytesMax, due: answerBytesDue)
        else { return respond(index, .overloaded) }
        transactionBytesHeld += batch.memoryBytes
        transactionAnswerBytesDue += batch.answerBytesMax
        batches[slab.token(of: index)] = batch
        requests[index].hasSideTable = true
        requests[index].changesSomething = true
        proceed(index, batch)
    }

    /// Gives back what a batch held, when its request is answered.
    func forget(_ batch: TransactionBatch) {
        transactionBytesHeld -= batch.memoryBytes
        transactionAnswerBytesDue -= batch.answerBytesMax
        for worker in batch.askedWorkers {
            guard let link = link(to: worker) else { continue }
            link.inFlightCount = max(0, link.inFlightCount - 1)
        }
    }

    /// Takes a batch that waits for nobody one step further.
    private func proceed(_ index: Int, _ batch: TransactionBatch) {
        let unknown = batch.locate { directory.shard(of: $0) }
        guard unknown.isEmpty else { return lookUp(index, batch, unknown) }
        sendRound(index, batch)
    }

    private func sendRound(_ index: Int, _ batch: TransactionBatch) {
        requests[index].attempts &+= 1
        let parts = batch.beginRound { reach($0) }
        for (worker, indexes) in parts {
            guard let link = link(to: worker), link.canTakeMore,
                ask(link, .accept, shard: ShardSet.allShards, slot: index, write: { batch.write(indexes, to: $0) })
            else {
                batch.fail(worker, .overloaded)
                continue
            }
        }
        if !batch.isAsking { endRound(index, batch) }
    }

    /// Nobody owes the batch an answer any more: it is complete, or goes into the next round.
    private func endRound(_ index: Int, _ batch: TransactionBatch) {
        if batch.isSettled { return respond(index, batch) }
        guard let pause = batch.pauseMilliseconds else { return proceed(index, batch) }
        if batch.isUnserved { service.refreshTopology() }
        let token = slab.token(of: index)
        eventLoop.scheduleTask(in: .milliseconds(pause)) {
            guard let index = self.slab.slot(for: token), let batch = self.batches[token] else { return }
            self.proceed(index, batch)
            self.flushTransports()
        }
    }

    // MARK: Look-ups

    private func lookUp(_ index: Int, _ batch: TransactionBatch, _ ids: [AffiliateID]) {
        // What is sent after this has less than the whole budget left.
        requests[index].attempts = max(requests[index].attempts, 1)
        var refused: [AffiliateID: LookUpAnswer] = [:]
        let token = slab.token(of: index)
        for id in ids where !locator.add(token: token, id: id) { refused[id] = .failed(.overloaded) }
        if !refused.isEmpty { batch.lookedUp(refused) }
        if batch.isAsking { pumpLookUps() } else { sendRound(index, batch) }
    }

    /// PostgreSQL's answers about affiliates of batches, by token.
    func finishLookUps(_ answers: [UInt64: [AffiliateID: LookUpAnswer]]) {
        for (token, answers) in answers {
            guard let index = slab.slot(for: token), let batch = batches[token] else { continue }
            batch.lookedUp(answers)
            if !batch.isAsking { sendRound(index, batch) }
        }
    }

    // MARK: Replies

    /// A worker's answer to the frame of a batch.
    func receiveReceipts(_ index: Int, _ header: FrameHeader, _ outcome: Outcome, _ fields: FieldReader, from link: WorkerLink) {
        guard let batch = batches[slab.token(of: index)], batch.waits(for: link.owner.instance), !isReplaced(link) else {
            metrics.lateAnswers &+= 1
            return
        }
        link.inFlightCount = max(0, link.inFlightCount - 1)
        let worker = link.owner.instance
        switch outcome {
        case .binary:
            if !batch.receive(fields, from: worker, moved: { follow($0, to: $1, epoch: $2) }) {
                logger.error("a worker's receipts make no sense", metadata: ["worker": "\(link.owner.name)"])
            }
        case .moved, .notYet: batch.sendAgain(worker, .betweenOwners)
        case .notOwner: batch.sendAgain(worker, .unserved)
        case .problem where header.word == WorkerProblem.loading.rawValue: batch.sendAgain(worker, .unserved)
        case .problem, .body, .elsewhere:
            let problem = outcome == .problem ? WorkerProblem(rawValue: header.word).map(Problem.init) : nil
            if problem == nil || problem == .internalError {
                logger.error("a worker could not serve transactions", metadata: ["worker": "\(link.owner.name)"])
            }
            batch.fail(worker, problem ?? .internalError)
        }
        if !batch.isAsking { endRound(index, batch) }
    }

    /// The connection to a worker is gone: what it had been sent may be committed or not.
    func failBatches(sentTo link: WorkerLink) {
        guard !isReplaced(link) else { return }
        for (token, batch) in batches where batch.waits(for: link.owner.instance) {
            guard let index = slab.slot(for: token) else { continue }
            batch.fail(link.owner.instance, .outcomeUnknown)
            if !batch.isAsking { endRound(index, batch) }
        }
    }

    /// Answers a batch whose deadline has passed; false if the request is none.
    func respondIfBatch(_ index: Int) -> Bool {
        guard case .transactions? = requests[index].route, let batch = batches[slab.token(of: index)] else { return false }
        for worker in batch.askedWorkers {
            guard let link = link(to: worker) else { continue }
            link.inFlightCount = max(0, link.inFlightCount - 1)
        }
        batch.expire()
        respond(index, batch)
        return true
    }
}
