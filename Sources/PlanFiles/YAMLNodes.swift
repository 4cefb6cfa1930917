import Commission
import Yams

/// Reads YAML as plan nodes. Scalars stay the text that stands in the file: no rate becomes a floating-point number on its way.
enum YAMLNodes {
    /// A plan of a thousand levels for each type and rule has about 7,000.
    static let nodesMax = 20_000
    static let depthMax = 16

    static func read(_ text: String) throws(PlanError) -> PlanNode {
        let parser: Parser
        let root: Node?
        do {
            parser = try Parser(yaml: text, encoding: .utf8)
            root = try parser.singleRoot()
        } catch {
            throw PlanError(error)
        }
        // Nodes know of their anchors only as long as the parser is there.
        defer { withExtendedLifetime(parser) {} }
        guard let root else { throw PlanError(.malformed, "", "there is nothing in it; write a plan's fields") }
        var nodesLeft = nodesMax
        return try node(root, path: "", depth: 0, nodesLeft: &nodesLeft)
    }

    private static func node(_ node: Node, path: String, depth: Int, nodesLeft: inout Int) throws(PlanError) -> PlanNode {
        let line = node.mark?.line
        nodesLeft -= 1
        guard nodesLeft >= 0 else { throw PlanError(.malformed, path, "there are more than \(nodesMax) values", line: line) }
        guard depth < depthMax else { throw PlanError(.malformed, path, "it is nested more than \(depthMax) deep", line: line) }
        // One alias can stand for a million values.
        guard node.anchor == nil else {
            throw PlanError(.malformed, path, "anchors and aliases (& and *) are not read; write the values out", line: line)
        }
        switch node {
        case .scalar(let scalar): return PlanNode(.text(scalar.string), line: line)
        case .sequence(let sequence):
            var items: [PlanNode] = []
            for (index, item) in sequence.enumerated() {
                items.append(try Self.node(item, path: "\(path)[\(index)]", depth: depth + 1, nodesLeft: &nodesLeft))
            }
            return PlanNode(.list(items), line: line)
        case .mapping(let mapping):
            var fields: [PlanNode.Field] = []
            for (key, value) in mapping {
                guard let name = key.scalar?.string else {
                    throw PlanError(.wrongShape, path, "a field's name must be a word", line: key.mark?.line)
                }
                let fieldPath = path.isEmpty ? name : "\(path).\(name)"
                let read = try Self.node(value, path: fieldPath, depth: depth + 1, nodesLeft: &nodesLeft)
                // A value may begin below its name, or be left out; people look for the name.
                fields.append(PlanNode.Field(name: name, value: PlanNode(read.content, line: key.mark?.line)))
            }
            return PlanNode(.fields(fields), line: line)
        case .alias:
            throw PlanError(.malformed, path, "anchors and aliases (& and *) are not read; write the values out", line: line)
        }
    }
}

extension PlanError {
    /// What Yams says about a text that it cannot read.
    fileprivate init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            self.init(.malformed, "", "not YAML: \(context.map { "\($0.text), " } ?? "")\(problem)", line: mark.line)
        case .duplicatedKeysInMapping(let names, let context):
            self.init(.invalidValue, names.first ?? "", "the field is there twice", line: context.mark.line)
        case .reader(let problem, _, _, _): self.init(.malformed, "", "not YAML: \(problem)")
        default: self.init(.malformed, "", "not YAML: \(error)")
        }
    }
}
