/// The members of a body as they are taken out of it; what is left over in the end nobody knows.
struct CallMembers {
    private var rest: [String: CallValue]

    init(_ body: CallBody) { rest = body.members }

    mutating func text(_ name: String) throws(AdministrationFault) -> String? {
        switch rest.removeValue(forKey: name) {
        case nil: return nil
        case .text(let value): return value
        default: throw wrong(name, "a text")
        }
    }

    mutating func truth(_ name: String) throws(AdministrationFault) -> Bool? {
        switch rest.removeValue(forKey: name) {
        case nil: return nil
        case .truth(let value): return value
        default: throw wrong(name, "true or false")
        }
    }

    mutating func number(_ name: String) throws(AdministrationFault) -> Int64? {
        switch rest.removeValue(forKey: name) {
        case nil: return nil
        case .number(let value): return value
        default: throw wrong(name, "a number")
        }
    }

    /// - Throws: `invalidField` for what is out of range, too.
    mutating func number(_ name: String, in range: ClosedRange<Int64>) throws(AdministrationFault) -> Int64? {
        guard let value = try number(name) else { return nil }
        guard range.contains(value) else {
            throw AdministrationFault(.invalidField, "`\(name)` \(value): give \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func texts(_ name: String) throws(AdministrationFault) -> [String]? {
        switch rest.removeValue(forKey: name) {
        case nil: return nil
        case .texts(let values): return values
        default: throw wrong(name, "a list of texts")
        }
    }

    /// Why something is done.
    mutating func reason() throws(AdministrationFault) -> String? {
        let reason = try text("reason")
        try OperatorReason.check(reason)
        return reason
    }

    func end() throws(AdministrationFault) {
        guard let name = rest.keys.sorted().first else { return }
        throw AdministrationFault(.malformedRequest, "`\(CallWords.shown(name))` is not known here")
    }

    private func wrong(_ name: String, _ wanted: String) -> AdministrationFault {
        AdministrationFault(.malformedRequest, "`\(name)` has to be \(wanted)")
    }
}
