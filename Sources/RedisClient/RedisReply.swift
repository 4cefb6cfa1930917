/// An answer of the server (RESP2).
package enum RedisReply: Sendable, Equatable {
    case null
    /// A short status such as `OK`.
    case status(String)
    case integer(Int64)
    case bytes([UInt8])
    case array([RedisReply])
    /// Only inside arrays and pipelines; a single command throws it.
    case error(String)

    package var isNull: Bool { self == .null }

    package func integerValue() throws(RedisError) -> Int64 {
        switch self {
        case .integer(let value): return value
        case .bytes, .status:
            guard let value = Int64(try text()) else { throw unexpected("an integer") }
            return value
        default: throw unexpected("an integer")
        }
    }

    package func bytesValue() throws(RedisError) -> [UInt8] {
        switch self {
        case .bytes(let bytes): return bytes
        case .status(let text): return Array(text.utf8)
        default: throw unexpected("a string")
        }
    }

    /// The bytes as UTF-8; anything else is an error.
    package func text() throws(RedisError) -> String {
        guard let text = String(validating: try bytesValue(), as: UTF8.self) else { throw unexpected("UTF-8 text") }
        return text
    }

    /// As `text()`, nil for a null.
    package func optionalText() throws(RedisError) -> String? { isNull ? nil : try text() }

    package func arrayValue() throws(RedisError) -> [RedisReply] {
        guard case .array(let elements) = self else { throw unexpected("an array") }
        return elements
    }

    private func unexpected(_ wanted: String) -> RedisError {
        let kind =
            switch self {
            case .null: "null"
            case .status(let text): "the status \(text)"
            case .integer: "an integer"
            case .bytes: "a string"
            case .array: "an array"
            case .error(let text): "the error \(text)"
            }
        return RedisError(.value, "the reply is \(kind), not \(wanted)")
    }
}

/// One argument of a command: any bytes.
package enum RedisArgument: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral {
    case text(String)
    case bytes([UInt8])
    case int(Int64)

    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
}
