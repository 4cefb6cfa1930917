import CPostgreSQL

/// How to reach a PostgreSQL server, from a URL (`postgresql://user:password@host:port/database`) or a libpq keyword
/// string (`host=… dbname=…`).
///
/// Printing it, reflecting it or failing to parse it never shows the password.
package struct PostgresConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Time for name lookup excepted, the whole of a connection attempt may take this long.
    package let connectTimeoutMilliseconds: Int
    /// The time a call has when it names none itself; 0: no limit.
    package let statementTimeoutMilliseconds: Int
    let options: [Option]

    struct Option: Sendable {
        let keyword: String
        let value: String
    }

    /// A dead network is noticed after 10 s even where no call has a time limit: while we wait by idle + interval × count seconds, while something
    /// that we have sent is not acknowledged by the user timeout (milliseconds), without which TCP would go on trying for a quarter of an hour.
    private static let keepalives: [Option] = [
        Option(keyword: "keepalives_idle", value: "4"),
        Option(keyword: "keepalives_interval", value: "2"),
        Option(keyword: "keepalives_count", value: "3"),
        Option(keyword: "tcp_user_timeout", value: "10000"),
    ]

    /// - Throws: `PostgresError` with code `usage` when `url` is no connection string or a timeout is out of range.
    package init(
        url: String, applicationName: String, connectTimeoutMilliseconds: Int = 5000, statementTimeoutMilliseconds: Int = 0
    ) throws(PostgresError) {
        guard (1...3_600_000).contains(connectTimeoutMilliseconds) else {
            throw PostgresError(.usage, "connect timeout of \(connectTimeoutMilliseconds) ms: give 1 to 3600000")
        }
        guard (0...86_400_000).contains(statementTimeoutMilliseconds) else {
            throw PostgresError(.usage, "statement timeout of \(statementTimeoutMilliseconds) ms: give 0 (none) to 86400000")
        }
        var options = try Self.parse(url)
        options.removeAll { ["application_name", "client_encoding", "connect_timeout"].contains($0.keyword) }
        options.append(Option(keyword: "application_name", value: applicationName))
        // All texts we send and read are UTF-8, whatever the environment or the database say.
        options.append(Option(keyword: "client_encoding", value: "UTF8"))
        for keepalive in Self.keepalives where !options.contains(where: { $0.keyword == keepalive.keyword }) {
            options.append(keepalive)
        }
        guard options.allSatisfy({ !$0.value.utf8.contains(0) }) else {
            throw PostgresError(.usage, "the connection string or the application name holds a NUL character")
        }
        self.options = options
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.statementTimeoutMilliseconds = statementTimeoutMilliseconds
    }

    private static func parse(_ url: String) throws(PostgresError) -> [Option] {
        guard !url.utf8.contains(0) else { throw PostgresError(.usage, "the connection string holds a NUL character") }
        var reason: UnsafeMutablePointer<CChar>?
        defer { PQfreemem(reason) }
        guard let parsed = PQconninfoParse(url, &reason) else {
            // libpq's reason quotes the string, password and all, so it cannot be passed on.
            throw PostgresError(
                .usage,
                "the PostgreSQL connection string cannot be read; write postgresql://user:password@host:port/database, with "
                    + "special characters of the password percent-encoded, or host=… port=… dbname=… user=…")
        }
        defer { PQconninfoFree(parsed) }
        var options: [Option] = []
        var next = parsed
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val {
                options.append(Option(keyword: String(cString: keyword), value: String(cString: value)))
            }
            next += 1
        }
        return options
    }

    /// The same server and user, another database.
    package func database(_ name: String) -> PostgresConfiguration {
        PostgresConfiguration(self, options: options.filter { $0.keyword != "dbname" } + [Option(keyword: "dbname", value: name)])
    }

    /// The same, with these settings from the first statement of every session on, behind those the connection string names.
    ///
    /// - Parameter settings: names and values of letters, digits, `_` and `.` alone.
    package func settings(_ settings: [(name: StaticString, value: StaticString)]) -> PostgresConfiguration {
        let words = ([value("options")].compactMap(\.self) + settings.map { "-c \($0.name)=\($0.value)" }).joined(separator: " ")
        return PostgresConfiguration(
            self, options: options.filter { $0.keyword != "options" } + [Option(keyword: "options", value: words)])
    }

    private init(_ other: PostgresConfiguration, options: [Option]) {
        self.options = options
        connectTimeoutMilliseconds = other.connectTimeoutMilliseconds
        statementTimeoutMilliseconds = other.statementTimeoutMilliseconds
    }

    func value(_ keyword: String) -> String? { options.last { $0.keyword == keyword }?.value }

    /// `user@host:port/database`: what may be shown to people and written to logs.
    package var description: String {
        let host = value("host") ?? value("hostaddr") ?? "default host"
        let user = value("user").map { "\($0)@" } ?? ""
        let port = value("port").map { ":\($0)" } ?? ""
        return "\(user)\(host)\(port)/\(value("dbname") ?? "default database")"
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["server": description]) }

    /// `text` with every occurrence of the password taken out.
    func redacting(_ text: String) -> String {
        guard let password = value("password"), !password.isEmpty else { return text }
        return text.split(separator: password, omittingEmptySubsequences: false).joined(separator: "…")
    }
}
