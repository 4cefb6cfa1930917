import Core

extension Partition {
    /// All ancestors, the sponsor first (distance 1), the root last.
    package func upline(of node: Node, _ body: (_ ancestor: Node, _ levelDistance: Int) -> Void) {
        check(node)
        var number = parentNumber(node.number)
        var distance = 1
        while number != Forest.noPosition {
            body(Node(number: number), distance)
            number = parentNumber(number)
            distance += 1
        }
    }

    /// Whether one affiliate is somewhere below another. Nobody is below oneself.
    package func isDescendant(_ node: Node, of ancestor: Node) -> Bool {
        let steps = level(of: node) - level(of: ancestor)
        return steps > 0 && self.ancestor(of: node.number, steps: steps) == ancestor.number
    }

    /// The node so many links above, or nil above the root.
    func ancestor(of number: UInt32, steps: Int) -> UInt32? {
        var number = number
        for _ in 0..<steps {
            number = parentNumber(number)
            if number == Forest.noPosition { return nil }
        }
        return number
    }
}
