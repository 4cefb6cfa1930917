import CPostgreSQL

extension PostgresError {
    /// The fields of an error report, by the letters of the protocol.
    enum Field: String {
        case severity = "V"
        case sqlState = "C"
        case message = "M"
        case detail = "D"
        case hint = "H"
        case schema = "s"
        case table = "t"
        case column = "c"
        case constraint = "n"
    }

    static func field(_ result: OpaquePointer, _ field: Field) -> String? {
        guard let letter = field.rawValue.utf8.first else { return nil }
        return PQresultErrorField(result, Int32(letter)).map { String(cString: $0) }
    }

    /// The error an unsuccessful result tells of.
    init(result: OpaquePointer, connection: OpaquePointer) {
        let sqlState = Self.field(result, .sqlState)
        let severity = Self.field(result, .severity)
        let text = Self.field(result, .message) ?? PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
        let isGone = PQstatus(connection) == CONNECTION_BAD || severity == "FATAL" || severity == "PANIC"
        self.init(
            isGone ? .connectionLost : sqlState == "57014" ? .cancelled : .server,
            Self.oneLine(text), sqlState: sqlState, detail: Self.field(result, .detail), hint: Self.field(result, .hint),
            constraint: Self.field(result, .constraint), schema: Self.field(result, .schema), table: Self.field(result, .table),
            column: Self.field(result, .column))
    }

    /// The session is gone, in libpq's words.
    static func lost(_ connection: OpaquePointer) -> PostgresError {
        let text = oneLine(String(cString: PQerrorMessage(connection)))
        return PostgresError(.connectionLost, text.isEmpty ? "the connection to PostgreSQL ended" : text)
    }

    /// A connection attempt failed. libpq gives only a text, in which verbose mode wrote the SQLSTATE after the severity.
    static func notConnected(_ connection: OpaquePointer, _ configuration: PostgresConfiguration) -> PostgresError {
        let lines = String(cString: PQerrorMessage(connection)).split(separator: "\n")
        var text = lines.filter { !$0.hasPrefix("LOCATION:") }.joined(separator: " ")
        var sqlState: String?
        if let match = text.firstMatch(of: #/:  ([0-9A-Z]{5}): /#) {
            sqlState = String(match.1)
            text.replaceSubrange(match.range, with: ": ")
        }
        // 28: wrong user or password. 3D000: no such database. 42501: no right to connect.
        let isRefused =
            sqlState.map { $0.hasPrefix("28") || $0 == "3D000" || $0 == "42501" } ?? text.contains("no password supplied")
        return PostgresError(
            isRefused ? .accessRefused : .cannotConnect, configuration.redacting("\(configuration): \(oneLine(text))"),
            sqlState: sqlState)
    }

    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: "; ")
    }
}
