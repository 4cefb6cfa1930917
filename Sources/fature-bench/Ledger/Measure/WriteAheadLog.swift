import PostgresClient

/// What PostgreSQL has written to its log so far.
struct WriteAheadLog {
    var bytes = 0.0
    var flushes = 0.0
    /// Milliseconds spent in flushes; needs `track_wal_io_timing`.
    var flushMilliseconds = 0.0

    init(on connection: PostgresConnection) throws {
        let result = try connection.execute("SELECT wal_bytes::bigint, wal_sync, (wal_sync_time * 1000)::bigint FROM pg_stat_wal")
        bytes = Double(try result.int(0, 0))
        flushes = Double(try result.int(0, 1))
        flushMilliseconds = Double(try result.int(0, 2)) / 1000
    }

    func since(_ earlier: WriteAheadLog) -> WriteAheadLog {
        var difference = self
        difference.bytes -= earlier.bytes
        difference.flushes -= earlier.flushes
        difference.flushMilliseconds -= earlier.flushMilliseconds
        return difference
    }
}
