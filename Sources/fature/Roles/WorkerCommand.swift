import ArgumentParser
import ClusterTLS
import Foundation
import Worker

/// `fature worker`: holds shards in memory.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract:
            "Hold a share of the hierarchy in memory and answer the gateways about it; or look at the workers and what they may be given.",
        discussion: """
            Without a subcommand it is a worker: it registers in PostgreSQL; the coordinator then gives it shards. `fature up` starts several.

            Example: DATABASE_URL=postgresql://… fature worker --name w1 --listen-host 10.0.0.7 \
            --tls-cert w1.pem --tls-key w1-key.pem --tls-ca ca.pem

            Exit status: 0 stopped as asked, 3 no cluster named or in --data-dir, 64 bad flag, 66 certificates that do not fit, \
            69 PostgreSQL does not answer, 70 failed, 73 a file cannot be read, 76 schema of another version, 77 wrong password, 78 bad setting; the log's last line says why.
            """,
        subcommands: [
            WorkerListCommand.self, WorkerCordonCommand.self, WorkerUncordonCommand.self, WorkerDrainCommand.self,
        ])

    /// Gateways' event loops, each with one connection: more than any cluster has.
    static let gatewayConnectionsMax = 1024

    @OptionGroup var role: RoleOptions
    @OptionGroup var certificates: CertificateOptions

    @Option(name: Settings.workerName.flagName, help: Settings.workerName.argumentHelp)
    var name: String?
    @Option(name: Settings.workerListenHost.flagName, help: Settings.workerListenHost.argumentHelp)
    var listenHost: String?
    @Option(name: Settings.workerListenPort.flagName, help: Settings.workerListenPort.argumentHelp)
    var listenPort: String?
    @Option(name: Settings.workerAdvertisedAddress.flagName, help: Settings.workerAdvertisedAddress.argumentHelp)
    var advertisedAddress: String?
    @Option(name: Settings.workerLeaseMilliseconds.flagName, help: Settings.workerLeaseMilliseconds.argumentHelp)
    var leaseMilliseconds: String?
    @Option(name: Settings.workerCapacity.flagName, help: Settings.workerCapacity.argumentHelp)
    var capacity: String?
    @Option(name: Settings.workerPaymentLanes.flagName, help: Settings.workerPaymentLanes.argumentHelp)
    var paymentLanes: String?
    @Option(name: Settings.redisURL.flagName, help: Settings.redisURL.argumentHelp)
    var redisURL: String?

    func run() async throws {
        let sources = try role.sources([
            (Settings.workerName, name), (Settings.workerListenHost, listenHost), (Settings.workerListenPort, listenPort),
            (Settings.workerAdvertisedAddress, advertisedAddress), (Settings.workerLeaseMilliseconds, leaseMilliseconds),
            (Settings.workerCapacity, capacity), (Settings.workerPaymentLanes, paymentLanes), (Settings.redisURL, redisURL),
            (Settings.workerCertificate, certificates.certificate), (Settings.workerKey, certificates.key),
            (Settings.workerAuthority, certificates.authority),
        ])
        let configuration = WorkerConfiguration(
            name: try sources.optionalText(Settings.workerName) ?? ProcessInfo.processInfo.hostName,
            databaseURL: try role.databaseURL(sources), redisURL: try role.redisURL(sources, flag: redisURL),
            paymentLanes: try sources.integer(Settings.workerPaymentLanes),
            listenHost: try sources.text(Settings.workerListenHost),
            port: try sources.integer(Settings.workerListenPort),
            advertisedAddress: try sources.optionalText(Settings.workerAdvertisedAddress),
            leaseMilliseconds: try sources.integer(Settings.workerLeaseMilliseconds),
            capacity: try sources.integer(Settings.workerCapacity),
            credentials: try explained {
                try CredentialPaths(
                    certificate: sources.optionalText(Settings.workerCertificate), key: sources.optionalText(Settings.workerKey),
                    authority: sources.optionalText(Settings.workerAuthority))
            })
        try await RoleRunner.run(
            role: "worker", logLevel: sources.text(Settings.logLevel), stopsOnStandardInputClose: role.stopsOnStandardInputClose
        ) { logger, _ in
            OpenFileLimit.raise(connectionsMax: Self.gatewayConnectionsMax, logger: logger)
            return WorkerService(configuration: configuration, logger: logger)
        }
    }
}
