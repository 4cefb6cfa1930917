import PostgresClient

/// The settings of sessions on the ledger.
package enum LedgerSession {
    /// Of a session that writes it. Has a transaction end whose process is stopped or gone without a word, and every statement find its rows
    /// by key, from the first one on.
    ///
    /// A plan that was made while a table was empty reads all of it; kept with the prepared statement, it would do so until the next ANALYZE
    /// of a table that has grown by thousands of rows a second since (measured: 244 µs a payment instead of 45). What is switched off counts
    /// as very expensive, which with `jit` would have each such statement compiled.
    package static let settings: [(name: StaticString, value: StaticString)] = [
        ("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("jit", "off"),
        ("idle_in_transaction_session_timeout", "15000"),
    ]

    /// Of a session that reads it: each question is planned by itself, for its own values and for the tables as they are.
    package static let readSettings: [(name: StaticString, value: StaticString)] = [
        ("plan_cache_mode", "force_custom_plan"), ("jit", "off"),
    ]
}
