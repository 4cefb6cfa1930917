import ArgumentParser
import Dataset
import PostgresClient
import Store

extension NetworkProfile: ExpressibleByArgument {}

/// `fature generate`: a network of affiliates who do not exist, as CSV or as a V1 database.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make a network of affiliates, as a CSV file or as table public.affiliates of a V1 database.",
        discussion: """
            The same profile, size and seed give the same bytes on every machine.

            profile fature   532,363 affiliates, 21,400 roots, the programme's five widest affiliates
            profile chain    each below the one before
            profile star     all below the first
            profile skew     one root with 40% of everyone, the rest in small trees
            profile uniform  small random trees

            Example: fature generate --profile fature --csv network.csv
            Example: fature generate --profile fature --database-url postgresql://v1@127.0.0.1/programme
            Example: fature generate --profile skew --affiliates 1000000 --seed 7 --csv - | head

            Exit status: 0 written, 64 bad flag or the table is there already, 69 no server, 73 file not writable, 77 wrong password.
            """)

    @Option(help: "The shape: fature, chain, star, skew or uniform.")
    var profile = NetworkProfile.fature

    @Option(help: ArgumentHelp("How many affiliates; profile fature has a number of its own.", valueName: "n"))
    var affiliates: Int?

    @Option(help: ArgumentHelp("Another seed, another network.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Write CSV to this file instead of a database; - is standard output.", valueName: "file"))
    var csv: String?

    @Flag(help: "Drop a table public.affiliates that is there already.")
    var replace = false

    @OptionGroup var location: ClusterLocation

    func run() throws {
        let generator: NetworkGenerator
        do throws(GeneratorError) {
            generator = try NetworkGenerator(profile: profile, affiliates: affiliates, seed: seed)
        } catch { throw CommandError(.usage, "\(error)") }
        if let csv { try write(generator, to: csv) } else { try writeToDatabase(generator) }
    }

    private func writeToDatabase(_ generator: NetworkGenerator) throws(CommandError) {
        let connection = try location.connect("generate")
        var progress = ProgressLine()
        do {
            let rows = try V1Schema.write(generator, to: connection, replace: replace) { rows in
                progress.tell("generate: \(rows) of \(generator.affiliates) affiliates")
            }
            Console.progress("generate: \(rows) affiliates written to public.affiliates in \(progress.elapsedText)")
        } catch { throw .explaining(error) }
    }

    private static let pieceBytes = 1 << 20

    private func write(_ generator: NetworkGenerator, to path: String) throws {
        let file = try OutputFile(path)
        var progress = ProgressLine()
        var csv = GeneratedCSV()
        var rows = 0
        func flush() throws(CommandError) {
            try file.write(csv.bytes)
            csv.removeAll()
        }
        do throws(CommandError) {
            csv.appendHeader()
            try generator.forEach { affiliate throws(CommandError) in
                csv.append(affiliate)
                rows += 1
                guard csv.bytes.count >= Self.pieceBytes else { return }
                try flush()
                progress.tell("generate: \(rows) of \(generator.affiliates) affiliates")
            }
            try flush()
            try file.finish()
        } catch {
            file.discard()
            throw error
        }
        Console.progress("generate: \(rows) affiliates written to \(path == "-" ? "standard output" : path)")
    }
}
