import Commission
import YAMLFiles

/// A commission plan as a YAML file, as people edit it. `cluster/plans/` has samples.
package enum PlanFile {
    /// The largest file that is read, in bytes. A plan of a thousand levels for each type has about 40,000.
    package static let bytesMax = 256 << 10
    /// How many values a file may hold. A plan of a thousand levels for each type and rule has about 7,000.
    static let nodesMax = 20_000

    /// Reads a plan from a file.
    ///
    /// - Parameter issue: what takes the place of a version or a date that the file does not name. Nil: it must name both.
    package static func read(path: String, issue: CommissionPlan.Issue? = nil) throws(PlanFileError) -> CommissionPlan {
        try parse(contents(path: path), file: path, issue: issue)
    }

    /// The text of a file, for `parse`.
    package static func contents(path: String) throws(PlanFileError) -> String {
        do {
            return try TextFile.contents(path: path, bytesMax: bytesMax, what: "a plan")
        } catch {
            throw PlanFileError(unreadable: path, error.message)
        }
    }

    /// Reads a plan from the text of a file; `file` is the name that errors give.
    package static func parse(_ text: String, file: String, issue: CommissionPlan.Issue? = nil) throws(PlanFileError)
        -> CommissionPlan
    {
        do {
            return try CommissionPlan(node(text), issue: issue)
        } catch {
            throw PlanFileError(file: file, error)
        }
    }

    private static func node(_ text: String) throws(PlanError) -> PlanNode {
        let root: YAMLNode?
        do {
            root = try YAMLText(nodesMax: nodesMax).read(text)
        } catch {
            throw PlanError(error)
        }
        guard let root else { throw PlanError(.malformed, "", "there is nothing in it; write a plan's fields") }
        return PlanNode(root)
    }
}

extension PlanNode {
    fileprivate init(_ node: YAMLNode) {
        switch node.content {
        case .text(let text): self.init(.text(text), line: node.line)
        case .list(let items): self.init(.list(items.map(PlanNode.init)), line: node.line)
        case .fields(let fields):
            self.init(.fields(fields.map { Field(name: $0.name, value: PlanNode($0.value)) }), line: node.line)
        }
    }
}

extension PlanError {
    fileprivate init(_ fault: YAMLFault) {
        let code: Code =
            switch fault.code {
            case .malformed: .malformed
            case .wrongShape: .wrongShape
            case .duplicate: .invalidValue
            }
        self.init(code, fault.field, fault.message, line: fault.line)
    }
}
