import Core

/// PostgreSQL answered something the schema does not allow, or was asked for more than one call may carry.
package struct StoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// A row, a field or an outcome is not what this binary's schema promises.
        case unexpectedAnswer
        /// The bytes of a binary COPY are not what the format says.
        case malformedCopy
        /// More ids, changes or rows were asked for than one call may carry.
        case tooMany
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

extension ShardID {
    /// A shard number read from the database.
    init(stored value: Int64) throws {
        guard value >= 0, value < Int64(ShardID.count) else {
            throw StoreError(.unexpectedAnswer, "the database names shard \(value); shards are 0 to \(ShardID.count - 1)")
        }
        self.init(value)
    }
}

extension AffiliateStatus {
    /// A status read from the database.
    init(stored text: String) throws {
        guard let status = AffiliateStatus(name: text) else {
            throw StoreError(.unexpectedAnswer, "the database has the affiliate status '\(text)', which is none of the four")
        }
        self = status
    }

    var text: String { name.description }
}
