import Administration
import ArgumentParser

/// `fature gateway ls`.
struct GatewayListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Show every gateway: where it listens, and how fast it has answered lately.",
        discussion: """
            A gateway that has not reported for a minute is not shown any more.

            Example: fature gateway ls --json

            Exit status: 0 shown, 3 no cluster named, 69 no PostgreSQL, 76 schema of another version.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func run() throws {
        try explained {
            let document = try administration.port("gateway ls").gateways()
            if json { return try JSONAnswer.print(document) }
            Console.answer(Self.table(document.gateways))
        }
    }

    static func table(_ gateways: [GatewayListDocument.Entry]) -> String {
        var table = TextTable(["gateway", "instance", "address", "lease ms", "p99 us", "requests/s", "parked", "version"])
        for gateway in gateways {
            table.add([
                gateway.name, String(gateway.instance), gateway.address, String(gateway.leaseMillisecondsLeft),
                gateway.p99Microseconds.map(String.init) ?? "", String(gateway.requestsPerSecond),
                String(gateway.parkedRequests), gateway.version,
            ])
        }
        return table.text
    }
}
