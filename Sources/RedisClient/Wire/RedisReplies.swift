/// Answers of the server as they came, with an index over them: nothing is copied until somebody asks.
///
/// Answers are named by places: `roots` has that of each command's answer, and those of an array's elements follow it.
package struct RedisReplies: Sendable {
    package enum Kind: UInt8, Sendable {
        case null, status, error, integer, bytes, array
    }

    struct Node {
        var kind: Kind
        /// The first byte of a text, an integer's value, or the number of elements.
        var value: Int
        /// The length of a text, or the place after an array's last element.
        var extent: Int
    }

    /// All that the server sent.
    package let bytes: [UInt8]
    let nodes: [Node]
    /// The place of each command's answer, in order.
    package let roots: [Int]

    package func kind(_ place: Int) -> Kind { nodes[place].kind }

    /// An array's number of elements; nil for all else.
    package func count(_ place: Int) -> Int? { nodes[place].kind == .array ? nodes[place].value : nil }

    /// The place after this answer: that of the next element.
    package func after(_ place: Int) -> Int { nodes[place].kind == .array ? nodes[place].extent : place + 1 }

    package func integer(_ place: Int) -> Int? { nodes[place].kind == .integer ? nodes[place].value : nil }

    /// Where in `bytes` a string, a status or an error is; nil for all else.
    package func range(_ place: Int) -> Range<Int>? {
        switch nodes[place].kind {
        case .bytes, .status, .error: nodes[place].value..<(nodes[place].value + nodes[place].extent)
        case .null, .integer, .array: nil
        }
    }

    /// An error's text; nil for all else.
    package func error(_ place: Int) -> String? {
        guard nodes[place].kind == .error, let range = range(place) else { return nil }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// A copy that stands for itself.
    package func reply(_ place: Int) -> RedisReply {
        let node = nodes[place]
        switch node.kind {
        case .null: return .null
        case .integer: return .integer(Int64(node.value))
        case .status: return .status(String(decoding: bytes[node.value..<(node.value + node.extent)], as: UTF8.self))
        case .error: return .error(String(decoding: bytes[node.value..<(node.value + node.extent)], as: UTF8.self))
        case .bytes: return .bytes([UInt8](bytes[node.value..<(node.value + node.extent)]))
        case .array:
            var elements: [RedisReply] = []
            elements.reserveCapacity(node.value)
            var element = place + 1
            // The reader refuses deep nests, so this recursion is bounded.
            for _ in 0..<node.value {
                elements.append(reply(element))
                element = after(element)
            }
            return .array(elements)
        }
    }
}
