/// A part of a plan as it is written down, in YAML or JSON: values as the text that stands there, never as numbers.
package struct PlanNode: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
        case text(String)
        case list([PlanNode])
        case fields([Field])
    }

    package struct Field: Equatable, Sendable {
        package let name: String
        package let value: PlanNode

        package init(name: String, value: PlanNode) {
            self.name = name
            self.value = value
        }
    }

    package let content: Content
    /// Where it stands, from 1, if that is known.
    package let line: Int?

    package init(_ content: Content, line: Int? = nil) {
        self.content = content
        self.line = line
    }
}
