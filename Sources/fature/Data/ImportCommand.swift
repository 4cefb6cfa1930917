import ArgumentParser
import Store

/// `fature import`: brings data in from files.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring data in from files.",
        discussion: """
            Example: fature import affiliates network.csv

            Exit status: that of the subcommand.
            """,
        subcommands: [ImportAffiliatesCommand.self])
}

/// `fature import affiliates`.
struct ImportAffiliatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "affiliates",
        abstract: "Import affiliates from a CSV file.",
        discussion: """
            The first line names the columns, in any order: affiliate_id, parent_affiliate_id (empty: a root), external_id, name,
            status (active, inactive, suspended, banned), registration_date (ISO 8601), and if wanted referral_code, email, phone,
            document, category. Rows come in any order, sponsors after their referrals too.

            Rows that cannot be imported are written to the rejects file, the others are published together at the end. An import that
            was interrupted goes on where it stopped when it is started again; the same file twice does no harm. The cluster
            may serve meanwhile: reads go on, joins and moves wait while the rows are published.

            Example: fature import affiliates network.csv --rejects rejects.csv

            Exit status: 0 imported (look at the number of rejects), 1 --strict refused it, 66 the file cannot be used, 69 no server,
            73 the rejects file cannot be written, 75 another import runs, or a table stayed locked, 76 fature db migrate is needed.
            """)

    @Argument(help: ArgumentHelp("The CSV file.", valueName: "file"))
    var file: String

    @OptionGroup var options: ImportFlags
    @OptionGroup var location: ClusterLocation

    func run() throws {
        let file: AffiliateFile
        do { file = try AffiliateFile(path: self.file) } catch { throw CommandError.explaining(error) }
        if !file.ignoredColumns.isEmpty {
            Console.progress(
                "import: columns that are not known and are passed over: \(file.ignoredColumns.joined(separator: ", "))")
        }
        let session = ImportSession(name: "import", flags: options, defaultRejects: "\(self.file).rejects.csv")
        try session.run(on: location.connect("import")) { try $0.run(file: file, onProgress: $1, onRejects: $2) }
    }
}
