import ArgumentParser
import Commission
import Store

/// `fature revshare`: settles what affiliates earn of a period's net gaming revenue.
struct RevShareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revshare",
        abstract: "Settle a month or week of RevShare, or show what was settled.",
        discussion: """
            Example: fature revshare settle --period 2026-10 --dry-run
            Example: fature revshare show --period 2026-10 --affiliate 4711

            Exit status: that of the subcommand.
            """,
        subcommands: [RevShareSettleCommand.self, RevShareShowCommand.self])
}

extension RevSharePeriodName {
    /// Reads `--period`.
    static func option(_ text: String) throws -> RevSharePeriodName {
        guard let name = RevSharePeriodName(text) else {
            throw ValidationError("--period \(text): give a month, as in 2026-10, or a week by its Monday, as in 2026-10-12")
        }
        return name
    }
}

extension CommandError {
    /// Reasons of the ledger's are answers, the rest is trouble.
    static func explainingRevShare(_ error: any Error) -> CommandError {
        guard let error = error as? RevShareError else { return explaining(error) }
        return switch error.code {
        case .noRevShare: CommandError(.usage, error.message)
        case .notEnded, .unprocessed, .earlierUnsettled, .laterSettled: CommandError(.negative, error.message)
        case .tooLarge: CommandError(.processFailed, error.message)
        }
    }
}
