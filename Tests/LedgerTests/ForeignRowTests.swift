import ClusterSupport
import Core
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct ForeignRowTests {
        @Test("rows that another program inserts while workers come and go are paid once; those that cannot be are dead letters")
        func foreignRows() async throws {
            let seed = Chaos.seed("foreign rows")
            let trial = try await LedgerTrial.start(seed: seed)
            try await TestCluster.blocking {
                let cluster = trial.cluster
                let connection = try cluster.connect()
                var random = SeededGenerator(seed: seed)
                var others: Set<String> = []
                var refused = 0
                for round in 0..<(30 * Chaos.rounds) {
                    let affiliate = trial.affiliates.randomElement(using: &random) ?? 1
                    for number in 0..<Int.random(in: 1...20, using: &random) {
                        let externalID = "foreign-\(round)-\(number)"
                        try Self.insert(.random(externalID, of: trial.affiliates, using: &random), connection)
                        others.insert(externalID)
                    }
                    // What cannot be paid: nobody's transaction, another currency, an external id that others have or had.
                    var wrong = SentTransaction.random("wrong-\(round)", of: [affiliate], using: &random)
                    switch round % 3 {
                    case 0:
                        wrong.affiliate = 599_999_999
                        try Self.insert(wrong, connection)
                    case 1: try Self.insert(wrong, currency: "USD", connection)
                    default:
                        wrong.externalID = trial.flow.acknowledged.keys.sorted().randomElement(using: &random) ?? "foreign-0-0"
                        try Self.insert(wrong, connection)
                    }
                    refused += 1
                    if round == 10 { cluster.kill("worker-1") }
                    if round == 15 { try cluster.startWorker("worker-1") }
                    try trial.awaitFlow(20)
                }
                try trial.settle("foreign rows", others: others, findings: ["dead": refused])
                let letters = try connection.execute("SELECT count(*) FROM fature_v2.dead_letter WHERE state = 'dead'").int(0, 0)
                #expect(letters == refused)
                let paid = try connection.execute(
                    "SELECT count(*) FROM fature_v2.transactions WHERE external_transaction_id LIKE 'foreign-%' AND commission_processed"
                ).int(0, 0)
                #expect(paid == others.count)
            }
        }

        private static func insert(
            _ row: SentTransaction, currency: String = "BRL", _ connection: PostgresConnection
        ) throws {
            _ = try connection.execute(
                """
                INSERT INTO fature_v2.transactions (
                    affiliate_id, transaction_type, amount, winnings, currency, external_transaction_id, commission_eligible)
                VALUES ($1, $2, $3::text::numeric, $4::text::numeric, $5, $6, $7)
                """,
                [
                    .int(row.affiliate), .text(row.type), .text(SentTransaction.decimal(row.amount)),
                    .text(SentTransaction.decimal(row.winnings)), .text(currency), .text(row.externalID),
                    row.isEligible.map { .bool($0) } ?? .null,
                ])
        }
    }
}
