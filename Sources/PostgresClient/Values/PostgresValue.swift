/// A parameter of a statement. It travels beside the SQL with its type, never inside it.
///
/// A `text` (and a `null`) takes the type the server infers from where it stands, so it fits text, varchar, ltree, enums,
/// timestamps, numeric and jsonb alike. The others have the type they name; cast in SQL (`$1::smallint`) for another.
package enum PostgresValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// `bigint`
    case int(Int64)
    /// Must not hold a NUL character: PostgreSQL's text cannot.
    case text(String)
    /// `bytea`
    case bytes([UInt8])
    /// `bigint[]`
    case int8Array([Int64])
    /// `bigint[]` with nulls
    case optionalInt8Array([Int64?])
    /// `text[]`
    case textArray([String?])
    /// `boolean[]`
    case boolArray([Bool])
    /// `numeric[]` of hundredths: 1234 is 12.34.
    case hundredthsArray([Int64])

    package static func optionalInt(_ value: Int64?) -> PostgresValue { value.map { .int($0) } ?? .null }
    package static func optionalText(_ value: String?) -> PostgresValue { value.map { .text($0) } ?? .null }
    package static func optionalBool(_ value: Bool?) -> PostgresValue { value.map { .bool($0) } ?? .null }
}

extension PostgresValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral
{
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(stringLiteral value: String) { self = .text(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
}
