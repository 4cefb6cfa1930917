import CPostgreSQL

/// A message the server sent beside a result: a notice, a warning, a debug line.
package struct PostgresNotice: Sendable {
    /// `NOTICE`, `WARNING`, `INFO`, …
    package let severity: String
    package let sqlState: String?
    package let message: String
}

/// A message another session sent with NOTIFY.
package struct PostgresNotification: Sendable, Equatable {
    package let channel: String
    package let payload: String
    /// The server process that sent it.
    package let senderPID: Int32
}

/// Takes libpq's notices, which would otherwise go to standard error. Used by one thread, its connection's.
final class NoticeReceiver {
    var handler: (PostgresNotice) -> Void = { _ in }

    func install(on connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                let notice = PostgresNotice(
                    severity: PostgresError.field(result, .severity) ?? "NOTICE",
                    sqlState: PostgresError.field(result, .sqlState),
                    message: PostgresError.field(result, .message) ?? "")
                // The receiver is kept alive by the link that owns the connection.
                Unmanaged<NoticeReceiver>.fromOpaque(context).takeUnretainedValue().handler(notice)
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}
