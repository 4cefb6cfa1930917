import Core
import Store

/// Reads the JSON bodies of reversals and decisions and checks every field.
enum LedgerBodies {
    private struct DecisionFields {
        var status: String?
        var reason: String?
        var actor: String?
        var commissions: [String]?
        var filter: FilterFields?
        var cursor: String?

        init(_ body: UnsafeRawBufferPointer) throws(BodyError) {
            try StrictBody.read(body) { member, name throws(BodyError) in
                switch name {
                case "status": status = try member.text(name)
                case "reason": reason = try member.text(name)
                case "actor": actor = try member.text(name)
                case "commissions": commissions = try member.texts(name)
                case "filter": filter = try FilterFields(&member)
                case "cursor": cursor = try member.text(name)
                default: try member.skip()
                }
            }
        }
    }

    private struct FilterFields {
        var affiliate: Int64?
        var status: String?
        var from: String?
        var to: String?

        /// Nil for null.
        init?(_ member: inout StrictBody) throws(BodyError) {
            let isThere = try member.object("filter") { member, name throws(BodyError) in
                switch name {
                case "affiliate_id": affiliate = try member.number("filter.affiliate_id")
                case "status": status = try member.text("filter.status")
                case "from": from = try member.text("filter.from")
                case "to": to = try member.text("filter.to")
                default: try member.skip()
                }
            }
            if !isThere { return nil }
        }
    }

    /// How long the name of who asks may be. Unicode scalars.
    static let actorCharactersMax = 100

    /// - Parameter origin: to which who asks is added.
    static func reversal(
        _ body: UnsafeRawBufferPointer, origin: ChangeOrigin
    ) throws(BodyError) -> (reason: String, origin: ChangeOrigin) {
        var given: (reason: String?, actor: String?)
        try StrictBody.read(body) { member, name throws(BodyError) in
            switch name {
            case "reason": given.reason = try member.text(name)
            case "actor": given.actor = try member.text(name)
            default: try member.skip()
            }
        }
        return (try reason(given.reason), try self.origin(origin, given.actor))
    }

    static func decision(
        _ body: UnsafeRawBufferPointer, origin: ChangeOrigin
    ) throws(BodyError) -> CommissionDecisions.Decision {
        try decision(DecisionFields(body), origin)
    }

    /// About many, by their ids or by a filter.
    static func decisions(_ body: UnsafeRawBufferPointer, origin: ChangeOrigin) throws(BodyError) -> LedgerQuestion {
        let fields = try DecisionFields(body)
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
        return .init(status: status, reason: try reason(fields.reason), origin: try self.origin(origin, fields.actor))
    }

    private static func origin(_ origin: ChangeOrigin, _ actor: String?) throws(BodyError) -> ChangeOrigin {
        guard let name = try ChangeBodies.text(actor, "actor", charactersMax: actorCharactersMax) else { return origin }
        return ChangeOrigin(actor: "\(origin.actor):\(name)", requestID: origin.requestID)
    }

    private static func reason(_ text: String?) throws(BodyError) -> String {
        guard let reason = try ChangeBodies.text(text, "reason", charactersMax: ChangeBodies.reasonCharactersMax) else {
            throw BodyError(field: "reason", detail: "reason is required")
        }
        return reason
    }

    private static func read(_ fields: FilterFields) throws(BodyError) -> CommissionDecisions.Filter {
        var filter = CommissionDecisions.Filter()
        filter.beneficiary = try ChangeBodies.number(fields.affiliate, "filter.affiliate_id")
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
