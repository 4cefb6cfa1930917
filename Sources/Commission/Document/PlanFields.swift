import Core

/// The fields of one mapping of a plan, read by name.
struct PlanFields {
    let path: String
    let line: Int?
    private var values: [String: PlanNode] = [:]

    /// Throws `unknownField` for a field that is not among `known`, and `invalidValue` for one that is there twice.
    init(_ node: PlanNode, path: String, known: [String]) throws(PlanError) {
        self.path = path
        line = node.line
        guard case .fields(let fields) = node.content else {
            throw PlanError(.wrongShape, path, "write fields here: \(known.joined(separator: ", "))", line: node.line)
        }
        for field in fields {
            let fieldPath = Self.join(path, field.name)
            guard known.contains(field.name) else {
                throw PlanError(
                    .unknownField, fieldPath, "there is no such field; there are \(known.joined(separator: ", "))",
                    line: field.value.line)
            }
            guard values.updateValue(field.value, forKey: field.name) == nil else {
                throw PlanError(.invalidValue, fieldPath, "the field is there twice", line: field.value.line)
            }
        }
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    func path(_ name: String) -> String { Self.join(path, name) }

    func node(_ name: String) -> PlanNode? { values[name] }

    /// A value, or nil if the field is left out. `read` gives nil, or throws why, if the text is not one; `expected` says what would be.
    func optional<Value>(
        _ name: String, _ expected: String, _ read: (String) throws(MoneyError) -> Value?
    ) throws(PlanError) -> Value? {
        guard let node = values[name] else { return nil }
        return try Self.read(node, path(name), expected, read)
    }

    /// A value, or `substitute` if the field is left out; an error if there is none either.
    func required<Value>(
        _ name: String, _ expected: String, orElse substitute: Value? = nil, _ read: (String) throws(MoneyError) -> Value?
    ) throws(PlanError) -> Value {
        if let value = try optional(name, expected, read) { return value }
        if let substitute { return substitute }
        throw PlanError(.missingField, path(name), "the field is missing; write \(expected)", line: line)
    }

    /// A list of values, or nil if the field is left out.
    func list<Value>(
        _ name: String, _ expected: String, _ read: (String) throws(MoneyError) -> Value?
    ) throws(PlanError) -> [Value]? {
        guard let node = values[name] else { return nil }
        guard case .list(let items) = node.content else {
            throw PlanError(.wrongShape, path(name), "write a list here, for each level \(expected)", line: node.line)
        }
        guard items.count <= PlanLimits.levelsMax else {
            throw PlanError(
                .outOfRange, path(name), "there are \(items.count) levels; a rule has at most \(PlanLimits.levelsMax)",
                line: node.line)
        }
        var result: [Value] = []
        for (index, item) in items.enumerated() { result.append(try Self.read(item, "\(path(name))[\(index)]", expected, read)) }
        return result
    }

    private static func read<Value>(
        _ node: PlanNode, _ path: String, _ expected: String, _ read: (String) throws(MoneyError) -> Value?
    ) throws(PlanError) -> Value {
        guard case .text(let text) = node.content else {
            throw PlanError(.wrongShape, path, "write one value here: \(expected)", line: node.line)
        }
        do {
            if let value = try read(text) { return value }
        } catch {
            throw PlanError(.invalidValue, path, "'\(text)': \(error.message)", line: node.line)
        }
        throw PlanError(.invalidValue, path, "'\(text)' is not \(expected)", line: node.line)
    }
}
