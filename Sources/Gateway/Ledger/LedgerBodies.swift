import Core
import Store

/// Reads the JSON bodies of reversals and decisions and checks every field.
enum LedgerBodies {
    private struct ReversalFields: Decodable {
        var reason: String?
    }

    private struct DecisionFields: Decodable {
        struct Filter: Decodable {
            var affiliate_id: ChangeBodies.WholeNumber?
            var status: String?
            var from: String?
            var to: String?
        }

        var status: String?
        var reason: String?
        var commissions: [String]?
        var filter: Filter?
        var cursor: String?
    }

    static func reversal(_ body: UnsafeRawBufferPointer) throws(BodyError) -> String {
        try reason(ChangeBodies.decode(ReversalFields.self, body).reason)
    }

    static func decision(
        _ body: UnsafeRawBufferPointer, origin: ChangeOrigin
    ) throws(BodyError) -> CommissionDecisions.Decision {
        try decision(ChangeBodies.decode(DecisionFields.self, body), origin)
    }

    /// About many, by their ids or by a filter.
    static func decisions(_ body: UnsafeRawBufferPointer, origin: ChangeOrigin) throws(BodyError) -> LedgerQuestion {
        let fields = try ChangeBodies.decode(DecisionFields.self, body)
        let decision = try decision(fields, origin)
        switch (fields.commissions, fields.filter) {
        case (let words?, nil):
            guard (1...CommissionDecisions.entriesMax).contains(words.count) else {
                throw BodyError(
                    field: "commissions", detail: "commissions must hold 1 to \(CommissionDecisions.entriesMax) ids")
            }
            var ids: [CommissionID] = []
            ids.reserveCapacity(words.count)
            for word in words {
                guard let id = CommissionID(word) else {
                    throw BodyError(field: "commissions", detail: "commissions must hold ids such as 1000-1")
                }
                ids.append(id)
            }
            return .decideMany(decision, ids)
        case (nil, let filter?):
            let question = DecisionQuestion(status: decision.status, filter: try read(filter))
            return .decideWhere(decision, question.filter, after: try position(fields.cursor, of: question))
        default:
            throw BodyError(field: "commissions", detail: "give either commissions, a list of ids, or filter")
        }
    }

    private static func decision(
        _ fields: DecisionFields, _ origin: ChangeOrigin
    ) throws(BodyError) -> CommissionDecisions.Decision {
        guard let status = fields.status.flatMap({ CommissionStatus(name: $0) }) else {
            throw BodyError(
                field: "status", detail: "status is required: one of pending, approved, paid, cancelled, disputed")
        }
        return .init(status: status, reason: try reason(fields.reason), origin: origin)
    }

    private static func reason(_ text: String?) throws(BodyError) -> String {
        guard let reason = try ChangeBodies.text(text, "reason", charactersMax: ChangeBodies.reasonCharactersMax) else {
            throw BodyError(field: "reason", detail: "reason is required")
        }
        return reason
    }

    private static func read(_ fields: DecisionFields.Filter) throws(BodyError) -> CommissionDecisions.Filter {
        var filter = CommissionDecisions.Filter()
        filter.beneficiary = try ChangeBodies.number(fields.affiliate_id?.value, "filter.affiliate_id")
        if let word = fields.status {
            guard let status = CommissionStatus(name: word) else {
                throw BodyError(
                    field: "filter.status", detail: "filter.status must be one of pending, approved, paid, cancelled, disputed")
            }
            filter.status = status
        }
        filter.from = try moment(fields.from, "filter.from")
        filter.to = try moment(fields.to, "filter.to")
        // An empty filter is more likely a slip than a wish to change every commission there is.
        guard filter != CommissionDecisions.Filter() else {
            throw BodyError(field: "filter", detail: "filter must name at least one of affiliate_id, status, from, to")
        }
        return filter
    }

    private static func moment(_ text: String?, _ field: String) throws(BodyError) -> Int64? {
        guard let text else { return nil }
        guard let moment = Timestamp.parse(text.utf8) else {
            throw BodyError(field: field, detail: "\(field) must be a date, or a date and time, as in 2026-01-31T12:00:00Z")
        }
        return moment
    }

    private static func position(
        _ text: String?, of question: DecisionQuestion
    ) throws(BodyError) -> CommissionDecisions.Position? {
        guard let text else { return nil }
        guard let position = question.position(text) else {
            throw BodyError(field: "cursor", detail: "cursor must be the next_cursor of an earlier answer to the same decision")
        }
        return position
    }
}
