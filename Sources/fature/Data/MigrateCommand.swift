import ArgumentParser
import PostgresClient
import Store

/// `fature migrate`: from V1 to V2.
struct MigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the affiliates of a V1 database into the hierarchy.",
        discussion: """
            Reads public.affiliates in batches, from the cluster's own database or from the one --v1-url names, and changes nothing there.
            Rows that cannot be migrated are written to the rejects file, the others are published together at the end. A migration that
            was interrupted goes on where it stopped when it is started again. The cluster may serve meanwhile: reads go on,
            joins and moves wait while the rows are published. Afterwards: fature validate --v1

            Example: fature migrate --batch 5000 --strict

            Exit status: 0 migrated (look at the number of rejects), 1 --strict refused it, 66 V1 cannot be used, 69 no server,
            73 the rejects file cannot be written, 75 another import runs, or a table stayed locked, 76 fature db migrate is needed.
            """)

    @Option(
        help: ArgumentHelp(
            "V1's database, if it is another. Prefer the environment's V1_DATABASE_URL for passwords.", valueName: "url"))
    var v1Url: String?

    @OptionGroup var options: ImportFlags
    @OptionGroup var location: ClusterLocation

    func run() throws {
        let source: V1Source
        do {
            source = try V1Source(try V1Location.connection(v1Url) ?? location.connect("migrate from V1"))
        } catch { throw CommandError.explaining(error) }
        let session = ImportSession(name: "migrate", flags: options, defaultRejects: "migrate.rejects.csv")
        try session.run(on: location.connect("migrate")) { try $0.run(v1: source, onProgress: $1, onRejects: $2) }
    }
}
