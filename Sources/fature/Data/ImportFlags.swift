import ArgumentParser
import Store

/// The flags of `fature import affiliates` and `fature migrate`.
struct ImportFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Rows that are read and noted in one transaction.", valueName: "rows"))
    var batch = ImportOptions.rowsPerBatchDefault

    @Flag(help: "Import all or nothing: a single rejected row refuses everything.")
    var strict = false

    @Option(help: ArgumentHelp("Where rejected rows go, with line or id and reason.", valueName: "file"))
    var rejects: String?

    @Flag(help: "Print the summary as JSON.")
    var json = false

    @Flag(help: "Tell of each batch: its rows, rejects and time.")
    var verbose = false
}

extension ImportError {
    var exitStatus: ExitStatus {
        switch code {
        case .targetExists, .badOption: .usage
        case .sourceUnusable, .fileUnreadable, .badHeader: .inputRefused
        case .busy: .alreadyRunning
        case .strictRefused, .tooManyRejects: .negative
        }
    }
}
