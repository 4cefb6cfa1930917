import CPostgreSQL
import Core

extension PostgresConnection {
    /// Begins to receive what other sessions NOTIFY on `channel`. A reset ends it.
    package func listen(_ channel: String) throws(PostgresError) {
        // 63 bytes is the longest name PostgreSQL keeps; it would cut a longer one and we would never match it.
        guard !channel.isEmpty, channel.utf8.count <= 63 else {
            throw PostgresError(.usage, "channel name of \(channel.utf8.count) bytes: give 1 to 63")
        }
        _ = try execute("LISTEN \(Self.quoted(channel))")
    }

    package func unlisten(_ channel: String) throws(PostgresError) {
        _ = try execute("UNLISTEN \(Self.quoted(channel))")
    }

    /// The oldest notification not yet read; nil when none came in time.
    package func waitForNotification(timeoutMilliseconds: Int) throws(PostgresError) -> PostgresNotification? {
        let deadline = Deadline.after(milliseconds: timeoutMilliseconds)
        while true {
            if !notifications.isEmpty { return notifications.removeFirst() }
            do throws(PostgresError) {
                try exclusively { link throws(PostgresError) in
                    try link.receive(deadline)
                    // Parses what came in, a farewell of the server included.
                    _ = PQisBusy(link.raw)
                }
            } catch {
                guard error.code == .timedOut else { throw error }
                return notifications.isEmpty ? nil : notifications.removeFirst()
            }
        }
    }

    func collectNotifications(_ link: PostgresLink) {
        while let notification = link.nextNotification() {
            if notifications.count >= Self.notificationsMax {
                notifications.removeFirst()
                notificationsDropped += 1
            }
            notifications.append(notification)
        }
    }

    /// An identifier in double quotes, for the few statements that take no parameters.
    package static func quoted(_ identifier: String) -> String {
        "\"" + identifier.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
