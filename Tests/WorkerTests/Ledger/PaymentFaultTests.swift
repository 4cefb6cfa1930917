import JobQueue
import PostgresClient
import Store
import Testing

@testable import Worker

@Suite struct PaymentFaultTests {
    /// What counts as the jobs' own failure, and what does not.
    private enum Verdict: Equatable {
        case unavailable(HandlerUnavailable.Reach)
        case failure(String)
        case other
    }

    private func verdict(_ error: any Error) -> Verdict {
        switch PaymentFault.explained(error) {
        case let error as HandlerUnavailable: .unavailable(error.reach)
        case let error as JobFailure: .failure(error.cause.word)
        default: .other
        }
    }

    @Test(
        "whoever waits in vain for what others hold has not failed: the jobs concerned are looked for",
        arguments: ["55P03", "57014", "40001", "40P01"])
    func contention(state: String) {
        #expect(verdict(PostgresError(.server, "no", sqlState: state)) == .unavailable(.someJobs))
        #expect(verdict(PostgresError(.cancelled, "no", sqlState: state)) == .unavailable(.someJobs))
    }

    @Test("a call that was over its time, or was cancelled, is no failure of its jobs")
    func timeouts() {
        #expect(verdict(PostgresError(.timedOut, "slow")) == .unavailable(.someJobs))
        #expect(verdict(PostgresError(.cancelled, "by an operator")) == .unavailable(.someJobs))
    }

    @Test(
        "PostgreSQL being away, refusing sessions or ending them is no job's failure",
        arguments: [PostgresError.Code.cannotConnect, .accessRefused, .connectionLost, .queueFull, .shutDown])
    func away(code: PostgresError.Code) {
        #expect(verdict(PostgresError(code, "away")) == .unavailable(.everything))
    }

    @Test(
        "what the server says of itself, its settings and its schema is no job's failure",
        arguments: [
            "08006", "0A000", "25006", "25P02", "28000", "3D000", "3F000", "42501", "42P01", "42883", "53100", "53200", "53300",
            "55000", "55006", "57P01", "57P02", "57P03", "58030", "F0000",
        ])
    func server(state: String) {
        #expect(verdict(PostgresError(.server, "no", sqlState: state)) == .unavailable(.everything))
    }

    @Test("what the server says of the data is the jobs' failure", arguments: ["22003", "22P02", "23505", "23514"])
    func data(state: String) {
        #expect(verdict(PostgresError(.server, "no", sqlState: state)) == .failure("refused_by_database"))
    }

    @Test(
        "other errors about one statement count, so that a job that always meets one ends",
        arguments: ["P0001", "XX000", "21000", "54000"])
    func others(state: String) {
        #expect(verdict(PostgresError(.server, "no", sqlState: state)) == .failure("database_error"))
        #expect(verdict(PostgresError(.value, "unreadable")) == .failure("database_error"))
    }

    @Test("plans that cannot be read or used are everybody's, a transaction's own fault its own")
    func ledger() {
        #expect(verdict(LedgerError(.noPlan, "none")) == .failure("no_plan"))
        #expect(verdict(PostgresError(.server, "no SQLSTATE")) == .unavailable(.everything))
    }
}
