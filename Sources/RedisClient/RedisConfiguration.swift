/// How to reach a Redis server: `redis://[[user]:password@]host[:port][/database]`.
///
/// Printing it, reflecting it or failing to parse it never shows the password.
package struct RedisConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package let host: String
    package let port: Int
    package let database: Int
    /// Time for name lookup excepted, connecting and signing in may take this long.
    package let connectTimeoutMilliseconds: Int
    /// The time a command has when it names none itself.
    package let commandTimeoutMilliseconds: Int
    /// The largest answer to one command, in bytes on the wire.
    package let replyBytesMax: Int
    let user: String?
    let password: String?

    package static let replyBytesMaxStandard = 64 * 1024 * 1024

    /// - Throws: `usage` when `url` is no Redis URL or a limit is out of range.
    package init(
        url: String, connectTimeoutMilliseconds: Int = 2000, commandTimeoutMilliseconds: Int = 5000,
        replyBytesMax: Int = RedisConfiguration.replyBytesMaxStandard
    ) throws(RedisError) {
        guard (1...3_600_000).contains(connectTimeoutMilliseconds), (1...3_600_000).contains(commandTimeoutMilliseconds),
            replyBytesMax >= 1024
        else { throw RedisError(.usage, "timeouts are 1 to 3600000 ms and answers 1024 bytes or more") }
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.commandTimeoutMilliseconds = commandTimeoutMilliseconds
        self.replyBytesMax = replyBytesMax

        guard let rest = url.hasPrefix("redis://") ? url.dropFirst("redis://".count) : nil, !url.utf8.contains(0) else {
            throw Self.unreadable("it does not begin with redis://")
        }
        let path = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var authority = path[0]
        let databaseText = path.count > 1 ? path[1] : ""
        guard let database = databaseText.isEmpty ? 0 : Int(databaseText), (0...65_535).contains(database) else {
            throw Self.unreadable("the database after the last / is not a number")
        }
        self.database = database
        if let at = authority.lastIndex(of: "@") {
            let credentials = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            authority = authority[authority.index(after: at)...]
            guard let user = Self.percentDecoded(credentials[0]),
                let password = Self.percentDecoded(credentials.count > 1 ? credentials[1] : "")
            else { throw Self.unreadable("user or password has a broken percent escape") }
            self.user = user.isEmpty ? nil : user
            self.password = password.isEmpty ? nil : password
        } else {
            user = nil
            password = nil
        }
        var portText: Substring?
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            let tail = authority[authority.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw Self.unreadable("the host is not readable") }
            portText = tail.isEmpty ? nil : tail.dropFirst()
        } else {
            let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            host = String(parts[0])
            portText = parts.count > 1 ? parts[1] : nil
        }
        guard !host.isEmpty else { throw Self.unreadable("there is no host") }
        guard let port = portText.map({ Int($0) }) ?? 6379, (1...65_535).contains(port) else {
            throw Self.unreadable("the port is not a number from 1 to 65535")
        }
        self.port = port
    }

    private static func unreadable(_ reason: String) -> RedisError {
        RedisError(
            .usage,
            "the Redis URL cannot be read: \(reason); write redis://:password@host:port/database, with special "
                + "characters of the password percent-encoded")
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// `host:port/database`: what may be shown to people and written to logs.
    package var description: String { "\(host):\(port)/\(database)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["server": description]) }
}
