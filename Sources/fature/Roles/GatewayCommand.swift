import ArgumentParser
import ClusterTLS
import Foundation
import Gateway

/// `fature gateway`: the front of the cluster.
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Answer callers over HTTP/2 and HTTP/1.1, and ask the workers; or look at the gateways.",
        discussion: """
            Without a subcommand it is a gateway. Several may run, on any host that reaches PostgreSQL and the workers. `fature up` starts one.

            Example: DATABASE_URL=postgresql://… fature gateway --listen-host 0.0.0.0 --threads 4

            Exit status: 0 stopped as asked, 3 no cluster named or in --data-dir, 64 bad flag, 66 certificates that do not fit, \
            69 PostgreSQL does not answer, 70 failed, 73 a file cannot be read, 76 schema of another version, 77 wrong password, 78 bad setting; the log's last line says why.
            """,
        subcommands: [GatewayListCommand.self])

    @OptionGroup var role: RoleOptions
    @OptionGroup var certificates: CertificateOptions

    @Option(name: Settings.redisURL.flagName, help: Settings.redisURL.argumentHelp)
    var redisURL: String?
    @Option(name: Settings.gatewayName.flagName, help: Settings.gatewayName.argumentHelp)
    var name: String?
    @Option(name: Settings.gatewayListenHost.flagName, help: Settings.gatewayListenHost.argumentHelp)
    var listenHost: String?
    @Option(name: Settings.gatewayListenPort.flagName, help: Settings.gatewayListenPort.argumentHelp)
    var listenPort: String?
    @Option(name: Settings.gatewayReusePort.flagName, help: Settings.gatewayReusePort.argumentHelp)
    var reusePort: String?
    @Option(name: Settings.gatewayAdvertisedAddress.flagName, help: Settings.gatewayAdvertisedAddress.argumentHelp)
    var advertisedAddress: String?
    @Option(name: Settings.gatewayThreads.flagName, help: Settings.gatewayThreads.argumentHelp)
    var threads: String?
    @Option(name: Settings.gatewayAccessLog.flagName, help: Settings.gatewayAccessLog.argumentHelp)
    var accessLog: String?
    @Option(name: Settings.gatewayDeadlineMilliseconds.flagName, help: Settings.gatewayDeadlineMilliseconds.argumentHelp)
    var deadlineMilliseconds: String?
    @Option(name: Settings.gatewayRequestsPerThreadMax.flagName, help: Settings.gatewayRequestsPerThreadMax.argumentHelp)
    var requestsPerThreadMax: String?
    @Option(name: Settings.gatewayConnectionsPerThreadMax.flagName, help: Settings.gatewayConnectionsPerThreadMax.argumentHelp)
    var connectionsPerThreadMax: String?

    func run() async throws {
        let sources = try role.sources([
            (Settings.redisURL, redisURL), (Settings.gatewayName, name), (Settings.gatewayListenHost, listenHost),
            (Settings.gatewayListenPort, listenPort), (Settings.gatewayReusePort, reusePort),
            (Settings.gatewayAdvertisedAddress, advertisedAddress),
            (Settings.gatewayThreads, threads), (Settings.gatewayAccessLog, accessLog),
            (Settings.gatewayDeadlineMilliseconds, deadlineMilliseconds),
            (Settings.gatewayRequestsPerThreadMax, requestsPerThreadMax),
            (Settings.gatewayConnectionsPerThreadMax, connectionsPerThreadMax),
            (Settings.gatewayCertificate, certificates.certificate), (Settings.gatewayKey, certificates.key),
            (Settings.gatewayAuthority, certificates.authority),
        ])
        let accessLog = try sources.text(Settings.gatewayAccessLog)
        guard let accessLogMode = AccessLogMode(rawValue: accessLog) else {
            throw CommandError(.configuration, "gateway.access_log is `\(accessLog)`, which this gateway does not know")
        }
        let threads = try sources.integer(Settings.gatewayThreads)
        let connectionsPerThreadMax = try sources.integer(Settings.gatewayConnectionsPerThreadMax)
        let configuration = GatewayConfiguration(
            name: try sources.optionalText(Settings.gatewayName) ?? ProcessInfo.processInfo.hostName,
            databaseURL: try role.databaseURL(sources), redisURL: try role.redisURL(sources, flag: redisURL),
            listenHost: try sources.text(Settings.gatewayListenHost), port: try sources.integer(Settings.gatewayListenPort),
            sharesPort: try sources.text(Settings.gatewayReusePort) == "on",
            advertisedAddress: try sources.optionalText(Settings.gatewayAdvertisedAddress), threads: threads,
            accessLog: accessLogMode,
            deadlineMilliseconds: try sources.integer(Settings.gatewayDeadlineMilliseconds),
            requestsPerThreadMax: try sources.integer(Settings.gatewayRequestsPerThreadMax),
            connectionsPerThreadMax: connectionsPerThreadMax,
            credentials: try explained {
                try CredentialPaths(
                    certificate: sources.optionalText(Settings.gatewayCertificate),
                    key: sources.optionalText(Settings.gatewayKey), authority: sources.optionalText(Settings.gatewayAuthority))
            })
        try await RoleRunner.run(
            role: "gateway", logLevel: sources.text(Settings.logLevel), stopsOnStandardInputClose: role.stopsOnStandardInputClose
        ) { logger, writer in
            OpenFileLimit.raise(connectionsMax: threads * connectionsPerThreadMax, logger: logger)
            return GatewayService(configuration: configuration, logger: logger, writer: writer)
        }
    }
}
