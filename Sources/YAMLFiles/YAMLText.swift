import Yams

/// Reads YAML texts: one document of scalars, lists and fields, without anchors and aliases.
package struct YAMLText {
    /// How many values there may be.
    package let nodesMax: Int
    /// How deep they may be nested.
    package let depthMax: Int

    package init(nodesMax: Int, depthMax: Int = 16) {
        self.nodesMax = nodesMax
        self.depthMax = depthMax
    }

    /// Reads a text; nil: there is nothing in it.
    package func read(_ text: String) throws(YAMLFault) -> YAMLNode? {
        let parser: Parser
        let root: Node?
        do {
            parser = try Parser(yaml: text, encoding: .utf8)
            root = try parser.singleRoot()
        } catch {
            throw YAMLFault(error)
        }
        // Nodes know of their anchors only as long as the parser is there.
        defer { withExtendedLifetime(parser) {} }
        guard let root else { return nil }
        var nodesLeft = nodesMax
        return try node(root, path: "", depth: 0, nodesLeft: &nodesLeft)
    }

    private func node(_ node: Node, path: String, depth: Int, nodesLeft: inout Int) throws(YAMLFault) -> YAMLNode {
        let line = node.mark?.line
        nodesLeft -= 1
        guard nodesLeft >= 0 else { throw YAMLFault(.malformed, path, "there are more than \(nodesMax) values", line: line) }
        guard depth < depthMax else { throw YAMLFault(.malformed, path, "it is nested more than \(depthMax) deep", line: line) }
        // One alias can stand for a million values.
        guard node.anchor == nil else {
            throw YAMLFault(.malformed, path, "anchors and aliases (& and *) are not read; write the values out", line: line)
        }
        switch node {
        case .scalar(let scalar): return YAMLNode(.text(scalar.string), line: line)
        case .sequence(let sequence):
            var items: [YAMLNode] = []
            for (index, item) in sequence.enumerated() {
                items.append(try self.node(item, path: "\(path)[\(index)]", depth: depth + 1, nodesLeft: &nodesLeft))
            }
            return YAMLNode(.list(items), line: line)
        case .mapping(let mapping):
            var fields: [YAMLNode.Field] = []
            for (key, value) in mapping {
                guard let name = key.scalar?.string else {
                    throw YAMLFault(.wrongShape, path, "a field's name must be a word", line: key.mark?.line)
                }
                let fieldPath = path.isEmpty ? name : "\(path).\(name)"
                let read = try self.node(value, path: fieldPath, depth: depth + 1, nodesLeft: &nodesLeft)
                fields.append(YAMLNode.Field(name: name, value: YAMLNode(read.content, line: key.mark?.line)))
            }
            return YAMLNode(.fields(fields), line: line)
        case .alias:
            throw YAMLFault(.malformed, path, "anchors and aliases (& and *) are not read; write the values out", line: line)
        }
    }
}

extension YAMLFault {
    /// What Yams says about a text that it cannot read.
    fileprivate init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            self.init(.malformed, "", "not YAML: \(context.map { "\($0.text), " } ?? "")\(problem)", line: mark.line)
        case .duplicatedKeysInMapping(let names, let context):
            self.init(.duplicate, names.first ?? "", "the field is there twice", line: context.mark.line)
        case .reader(let problem, _, _, _): self.init(.malformed, "", "not YAML: \(problem)")
        default: self.init(.malformed, "", "not YAML: \(error)")
        }
    }
}
