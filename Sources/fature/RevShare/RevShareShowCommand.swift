import ArgumentParser
import Commission
import Core
import PostgresClient
import Store

/// `fature revshare show`.
struct RevShareShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show the settled periods, one period's largest settlements, or how one affiliate's came about.",
        discussion: """
            Without --period: every period. With --affiliate: the sums of its downline level by level, and what of them came from
            transactions of earlier periods. Changes nothing.

            Example: fature revshare show
            Example: fature revshare show --period 2026-10 --limit 50
            Example: fature revshare show --period 2026-10 --affiliate 4711 --json

            Exit status: 0 shown, 1 nothing was settled for that period or affiliate, 64 bad flag, 69 no server, 76 fature db migrate is
            needed, 77 wrong password.
            """)

    @Option(help: ArgumentHelp("A month (2026-10), or a week by its Monday (2026-10-12); UTC.", valueName: "period"))
    var period: String?

    @Option(help: ArgumentHelp("Show this affiliate's settlement level by level.", valueName: "id"))
    var affiliate: Int64?

    @Option(help: ArgumentHelp("How many settlements of a period to show, the largest first.", valueName: "n"))
    var limit = 20

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    func validate() throws {
        if let period { _ = try RevSharePeriodName.option(period) }
        guard affiliate == nil || period != nil else { throw ValidationError("--affiliate needs --period") }
        guard (1...100_000).contains(limit) else { throw ValidationError("--limit \(limit): give 1 to 100000") }
    }

    func run() throws {
        let connection = try location.connect("revshare show")
        let shown: [PeriodDocument]
        do {
            try Schema.requireCurrent(connection)
            if let period {
                let found = try RevShareHistory.periods(in: .option(period), on: connection)
                shown = try found.map { try document($0, connection) }
            } else {
                shown = try RevShareHistory.periods(on: connection).map { PeriodDocument($0) }
            }
        } catch { throw CommandError.explainingRevShare(error) }
        if let period {
            guard !shown.isEmpty else {
                throw CommandError(
                    .negative, "\(period) was not settled; settle it with: fature revshare settle --period \(period)")
            }
            if let affiliate, shown.allSatisfy({ $0.settlements?.isEmpty ?? true }) {
                throw CommandError(
                    .negative,
                    "affiliate \(affiliate) has no settlement in \(period): its downline's sums are 0.00, or it is not settled yet"
                )
            }
        }
        if json { return try JSONAnswer.print(Answer(periods: shown)) }
        if period == nil { return Console.answer(PeriodDocument.table(shown)) }
        for document in shown {
            Console.answer("\(PeriodDocument.table([document]))\n\n\(SettlementDocument.table(document.settlements ?? []))")
            for settlement in document.settlements ?? [] {
                if let levels = settlement.levels { Console.answer("\n\(SettlementDocument.LevelDocument.table(levels))") }
            }
        }
    }

    private struct Answer: Encodable { let periods: [PeriodDocument] }

    private func document(_ period: SettledPeriod, _ connection: PostgresConnection) throws -> PeriodDocument {
        let id = affiliate.map { AffiliateID($0) }
        let settlements = try RevShareHistory.settlements(of: period, affiliate: id, limit: limit, on: connection)
        let levels = try id.map { try RevShareHistory.levels(of: period, affiliate: $0, on: connection) }
        return PeriodDocument(period, settlements: settlements.map { SettlementDocument($0, levels: levels) })
    }
}
