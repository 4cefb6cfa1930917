import Core
import HTTP2
import Store

/// Requests about the ledger: read, handed to PostgreSQL, answered when it has answered.
extension GatewayLoop {
    func askCommissions(_ index: Int, of id: AffiliateID) {
        do {
            askLedger(index, .listing(try TargetParser.commissionListing(slab.target(of: index), of: id)))
        } catch {
            guard case .badField(let field, let expectation) = error else { return respond(index, .notFound) }
            respond(index, .badField, field: "\(field.name)", detail: "\(field.name) \(expectation.text)")
        }
    }

    func orderReversal(_ index: Int, of id: TransactionID) {
        order(index) { body, origin throws(BodyError) in
            let (reason, origin) = try LedgerBodies.reversal(body, origin: origin)
            return .reverse(id, reason: reason, origin)
        }
    }

    func orderDecision(_ index: Int, about id: CommissionID) {
        order(index) { body, origin throws(BodyError) in .decide(try LedgerBodies.decision(body, origin: origin), id) }
    }

    func orderDecisions(_ index: Int) {
        order(index) { body, origin throws(BodyError) in try LedgerBodies.decisions(body, origin: origin) }
    }

    private func order(_ index: Int, _ read: (UnsafeRawBufferPointer, ChangeOrigin) throws(BodyError) -> LedgerQuestion) {
        let requestID = String(decoding: slab.requestID(of: index), as: UTF8.self)
        do {
            askLedger(index, try read(slab[index].body.bytes, ChangeOrigin(actor: "api", requestID: requestID)))
        } catch {
            if slab[index].body.count > ChangeBodies.bytesMax {
                respond(index, .bodyTooLarge, detail: error.detail)
            } else {
                respond(index, error.field == nil ? .malformedBody : .invalidField, field: error.field, detail: error.detail)
            }
        }
    }

    /// Has PostgreSQL answer, if there is room for the answer to a change; an answer that comes after the deadline finds nobody.
    func askLedger(_ index: Int, _ question: LedgerQuestion) {
        if question.changesSomething {
            let bytes = question.answerBytesMax
            guard slab.canHoldAnswer(bytes: bytes, due: answerBytesDue) else { return respond(index, .overloaded) }
            ledgerAnswerBytesDue += bytes
            requests[index].answerBytesDue = Int32(bytes)
            requests[index].changesSomething = true
            requests[index].attempts = 1
        }
        let token = slab.token(of: index)
        service.askLedger(question, deadline: requests[index].deadline) { answer in
            self.eventLoop.execute {
                guard let index = self.slab.slot(for: token) else {
                    self.metrics.lateAnswers &+= 1
                    return
                }
                switch answer {
                case .body(let status, let bytes):
                    bytes.withUnsafeBytes { self.respond(index, status: status, type: .json, body: $0) }
                case .problem(let problem, let field, let detail):
                    let advice = problem == .outcomeUnknown ? self.requests[index].route?.repeatAdvice.map { "\($0)" } : nil
                    self.respond(index, problem, field: field, detail: detail ?? advice)
                }
                self.flushTransports()
            }
        }
    }
}
