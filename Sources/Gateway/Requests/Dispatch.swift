import Core
import Frames
import HTTP2

/// The way of a request: from its target to a worker's frame.
extension GatewayLoop {
    func dispatch(_ index: Int) {
        if slab[index].requestIDCount == 0 { journal.makeRequestID(slab: slab, slot: index) }
        requests[index] = RoutedRequest()
        requests[index].deadline = slab[index].startedAt &+ deadlineNanoseconds
        if slab[index].refusal != 0 {
            respond(index, Problem(refusal: slab[index].refusal))
            return
        }
        let route: Route
        do {
            route = try TargetParser.parse(slab.target(of: index))
        } catch {
            switch error {
            case .notFound: respond(index, .notFound)
            case .badField(let field, let expectation):
                respond(index, .badField, field: "\(field.name)", detail: "\(field.name) \(expectation.text)")
            }
            return
        }
        requests[index].route = route
        guard route.allows(slab[index].method) else {
            respond(index, .methodNotAllowed)
            return
        }
        switch route {
        case .affiliate(let id):
            if slab[index].method == .patch { orderStatus(index, of: id) } else { locate(index, id) }
        case .network(let page): locate(index, page.affiliate)
        case .upline(let id), .statusCounts(let id, _): locate(index, id)
        case .affiliates: orderJoin(index)
        case .move(let id): orderMove(index, of: id)
        case .transactions: acceptTransactions(index)
        case .transaction(let id): askLedger(index, .transaction(id))
        case .transactionCommissions(let id, let isExplaining): askLedger(index, .commissions(of: id, isExplaining: isExplaining))
        case .affiliateCommissions(let id): askCommissions(index, of: id)
        case .totals(let id): askLedger(index, .totals(id))
        case .reverse(let id): orderReversal(index, of: id)
        case .decision(let id): orderDecision(index, about: id)
        case .decisions: orderDecisions(index)
        case .ledgerRanking(let metric, let limit): askLedger(index, .ranking(metric, limit: Int(limit)))
        case .rankings, .statistics: gather(index)
        case .health: respondHealth(index)
        case .ready: askReady(index)
        case .metrics: respondMetrics(index)
        }
    }

    /// Sends the request to the owner of the affiliate's shard, asking PostgreSQL where it is if the directory does not know.
    func locate(_ index: Int, _ id: AffiliateID) {
        if let shard = directory.shard(of: id) {
            metrics.directoryHits &+= 1
            requests[index].shard = shard
            send(index)
        } else {
            metrics.directoryMisses &+= 1
            lookUp(index, id)
        }
    }

    /// Asks PostgreSQL, with all others who ask in the meantime.
    func lookUp(_ index: Int, _ id: AffiliateID) {
        guard locator.add(token: slab.token(of: index), id: id) else {
            respond(index, .overloaded)
            return
        }
        pumpLookUps()
    }

    func pumpLookUps() {
        guard let batch = locator.nextBatch() else { return }
        service.locate(batch.map(\.id.rawValue)) { result in
            self.eventLoop.execute { self.finishLookUps(batch, result) }
        }
    }

    private func finishLookUps(_ batch: [LocationQueue.Entry], _ result: [Int64: LocatedShard]?) {
        locator.batchFinished()
        var forBatches: [UInt64: [AffiliateID: LookUpAnswer]] = [:]
        for entry in batch {
            guard let index = slab.slot(for: entry.token) else { continue }
            let place = result?[entry.id.rawValue]
            if let place {
                if directory.learn(entry.id, place.shard) { service.refreshDirectory() }
            } else if result != nil {
                directory.forget(entry.id)
            }
            if batches[entry.token] != nil {
                let answer = place.map(LookUpAnswer.at) ?? (result == nil ? .failed(.databaseUnavailable) : .nowhere)
                forBatches[entry.token, default: [:]][entry.id] = answer
                continue
            }
            guard let place else {
                respond(index, result == nil ? .databaseUnavailable : isSponsorLookUp(index) ? .unknownParent : .unknownAffiliate)
                continue
            }
            requests[index].shard = place.shard
            requests[index].sequence = place.sequence
            send(index)
        }
        finishLookUps(forBatches)
        flushTransports()
        pumpLookUps()
    }

    /// A join looks for its sponsor, everything else for the affiliate itself.
    private func isSponsorLookUp(_ index: Int) -> Bool { requests[index].route == .affiliates }

    /// Puts the request's frame on the way to the owner of its shard.
    func send(_ index: Int) {
        guard requests[index].attempts < RoutedRequest.attemptsMax else {
            respond(index, .shardUnavailable)
            return
        }
        guard let link = link(for: requests[index].shard) else {
            if isAwaited(requests[index].shard) { park(index) } else { respond(index, .shardUnavailable) }
            return
        }
        guard link.canTakeMore else {
            respond(index, .overloaded)
            return
        }
        requests[index].attempts += 1
        requests[index].epoch = routes[requests[index].shard].epoch
        let sequence = requests[index].sequence
        let shard = requests[index].shard.rawValue
        let isSent: Bool
        switch requests[index].route {
        case .affiliate(let id) where slab[index].method != .patch:
            isSent = ask(link, .affiliate, shard: shard, slot: index) {
                AffiliateQuestion(sequence: sequence, affiliate: id).write(to: $0)
            }
        case .network(let page):
            let question = NetworkQuestion(
                about: AffiliateQuestion(sequence: sequence, affiliate: page.affiliate), depth: page.depth, limit: page.limit,
                status: page.status, cursor: page.cursor)
            isSent = ask(link, .network, shard: shard, slot: index) { question.write(to: $0) }
        case .upline(let id):
            isSent = ask(link, .upline, shard: shard, slot: index) {
                AffiliateQuestion(sequence: sequence, affiliate: id).write(to: $0)
            }
        case .statusCounts(let id, let depth):
            let question = NetworkQuestion(
                about: AffiliateQuestion(sequence: sequence, affiliate: id), depth: depth, limit: 0, status: nil, cursor: nil)
            isSent = ask(link, .statusCounts, shard: shard, slot: index) { question.write(to: $0) }
        default:
            isSent = sendOrder(index, to: link)
        }
        guard isSent else {
            respond(index, .bodyTooLarge)
            return
        }
        requests[index].link = link
    }

    // MARK: Replies

    /// Takes a worker's reply. One for a request that has been answered or has timed out finds no slot.
    func receiveReply(_ header: FrameHeader, _ fields: FieldReader, from link: WorkerLink) {
        guard let index = slab.slot(for: header.requestID), let outcome = Outcome(rawValue: header.code) else {
            metrics.lateAnswers &+= 1
            return
        }
        if case .transactions? = requests[index].route {
            receiveReceipts(index, header, outcome, fields, from: link)
            return
        }
        guard requests[index].link === link else {
            receivePart(index, header, outcome, fields, from: link)
            return
        }
        var fields = fields
        switch outcome {
        case .body: respondBody(index, status: header.word, body: fields.rest())
        case .binary: receiveBinary(index, fields, from: link)
        case .problem: receiveProblem(index, WorkerProblem(rawValue: header.word), detail: fields.text())
        case .notOwner, .moved, .notYet: receiveUnbegun(index, outcome, fields, from: link)
        case .elsewhere:
            guard let shard = fields.integer(UInt16.self), Int(shard) < ShardID.count, let sequence = fields.integer(Int64.self)
            else {
                respond(index, .internalError)
                return
            }
            settle(index)
            requests[index].shard = ShardID(rawValue: shard)
            requests[index].sequence = sequence
            send(index)
        }
    }

    /// The worker that was asked owes nothing any more.
    func settle(_ index: Int) {
        guard let link = requests[index].link else { return }
        link.inFlightCount = max(0, link.inFlightCount - 1)
        requests[index].link = nil
    }

    private func respondBody(_ index: Int, status word: UInt32, body: UnsafeRawBufferPointer) {
        guard let status = UInt16(exactly: word), (200...599).contains(status) else {
            respond(index, .internalError)
            return
        }
        guard case .affiliates? = requests[index].route else {
            respond(index, status: status, type: .json, body: body)
            return
        }
        // A new affiliate: where it is goes into the directory and into Location.
        let digits = body.dropFirst(Self.affiliateIDPrefixBytes).prefix { $0 >= 48 && $0 <= 57 }
        var location = "/api/v2/affiliates/" + String(decoding: digits, as: UTF8.self)
        if let id = Int64(String(decoding: digits, as: UTF8.self)), directory.learn(AffiliateID(id), requests[index].shard) {
            service.refreshDirectory()
        }
        location.withUTF8 {
            respond(index, status: status, type: .json, body: body, extra: .location, extraValue: UnsafeRawBufferPointer($0))
        }
    }

    /// `{"affiliate_id":` begins each affiliate's JSON.
    private static let affiliateIDPrefixBytes = 16

    func receiveProblem(_ index: Int, _ problem: WorkerProblem?, detail: String?) {
        if problem == .loading, confirmMoveLater(index) { return }
        if respondIfMoved(index) { return }
        guard let problem else {
            respond(index, .internalError)
            return
        }
        // The directory may be behind a move, and what PostgreSQL said may be so by now: only PostgreSQL says that there is nobody.
        if problem == .unknownAffiliate, let id = requests[index].route?.subject {
            settle(index)
            lookUp(index, id)
            return
        }
        if problem == .malformedFrame || problem == .answerTooLarge {
            logger.error("a worker could not serve a request", metadata: ["problem": "\(problem)", "detail": "\(detail ?? "")"])
        }
        respond(index, Problem(problem), detail: detail?.isEmpty == true ? nil : detail)
    }
}

extension Route {
    /// The affiliate a request is about, where it is about one.
    var subject: AffiliateID? {
        switch self {
        case .affiliate(let id), .upline(let id), .statusCounts(let id, _), .move(let id): id
        case .network(let page): page.affiliate
        default: nil
        }
    }
}
