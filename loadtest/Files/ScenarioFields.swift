import LoadPlan
import YAMLFiles

/// The fields of one mapping of a scenario, read by name.
struct ScenarioFields {
    let path: String
    let line: Int?
    private let values: [String: YAMLNode]

    /// Throws for a field that is not among `known`.
    init(_ node: YAMLNode, path: String, known: [String]) throws(FieldFault) {
        self.path = path
        line = node.line
        guard case .fields(let fields) = node.content else {
            throw FieldFault(path, "write fields here: \(known.joined(separator: ", "))", line: node.line)
        }
        var values: [String: YAMLNode] = [:]
        for field in fields {
            guard known.contains(field.name) else {
                throw FieldFault(
                    Self.join(path, field.name), "there is no such field; \(Suggestion.text(for: field.name, among: known))",
                    line: field.value.line)
            }
            values[field.name] = field.value
        }
        self.values = values
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    func path(_ name: String) -> String { Self.join(path, name) }

    func node(_ name: String) -> YAMLNode? { values[name] }

    /// A value, or nil if the field is left out. `read` gives nil if the text is not one; `expected` says what would be.
    func optional<Value>(_ name: String, _ expected: String, _ read: (String) -> Value?) throws(FieldFault) -> Value? {
        guard let node = values[name] else { return nil }
        return try Self.read(node, path(name), expected, read)
    }

    func required<Value>(_ name: String, _ expected: String, _ read: (String) -> Value?) throws(FieldFault) -> Value {
        if let value = try optional(name, expected, read) { return value }
        throw FieldFault(path(name), "the field is missing; write \(expected)", line: line)
    }

    /// The items of a list; empty if the field is left out.
    func items(_ name: String, _ what: String) throws(FieldFault) -> [(path: String, node: YAMLNode)] {
        guard let node = values[name] else { return [] }
        guard case .list(let items) = node.content else {
            throw FieldFault(path(name), "write a list here, each item \(what)", line: node.line)
        }
        return items.enumerated().map { ("\(path(name))[\($0)]", $1) }
    }

    /// A list of values, or nil if the field is left out.
    func list<Value>(_ name: String, _ expected: String, _ read: (String) -> Value?) throws(FieldFault) -> [Value]? {
        guard values[name] != nil else { return nil }
        var values: [Value] = []
        for item in try items(name, expected) { values.append(try Self.read(item.node, item.path, expected, read)) }
        return values
    }

    static func read<Value>(_ node: YAMLNode, _ path: String, _ expected: String, _ read: (String) -> Value?) throws(FieldFault)
        -> Value
    {
        guard case .text(let text) = node.content else {
            throw FieldFault(path, "write one value here: \(expected)", line: node.line)
        }
        guard let value = read(text) else {
            let found = text.isEmpty ? "there is no value" : "'\(text.prefix(80))' is not right"
            throw FieldFault(path, "\(found); write \(expected)", line: node.line)
        }
        return value
    }
}

extension ScenarioFields {
    func time(_ name: String, _ expected: String = "a time with its unit, as in 500ms, 60s, 5min or 2h") throws(FieldFault)
        -> Double?
    {
        try optional(name, expected) { Quantities.microseconds($0).map { $0 / 1_000_000 } }
    }

    func requiredTime(_ name: String) throws(FieldFault) -> Double {
        if let time = try time(name) { return time }
        throw FieldFault(path(name), "the field is missing; write a time with its unit, as in 60s", line: line)
    }

    func rate(_ name: String) throws(FieldFault) -> Double {
        try required(name, "requests a second, as in 50000") { Quantities.decimal($0) }
    }

    func whole(_ name: String, _ expected: String = "a whole number") throws(FieldFault) -> Int? {
        try optional(name, expected) { Quantities.whole($0).flatMap { Int(exactly: $0) } }
    }
}
