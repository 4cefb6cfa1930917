import Administration
import ArgumentParser
import ClusterTLS
import Coordinator

/// `fature coordinator`: gives shards to workers.
struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Give every shard a worker, at the start and when a worker dies.",
        discussion: """
            Several may run: one leads, the others stand by. `fature up` starts one. With --admin-listen and --admin-token-file it answers operators \
            over HTTP, whether it leads or not; `fature rebalance`, `worker`, `shard` and `gateway ls` ask it with --admin-url. While it cannot \
            listen for them, since the port is taken or the certificates do not fit, it leads all the same, logs why and tries again.

            Example: DATABASE_URL=postgresql://… fature coordinator --expected-workers 3 --replicas 1
            Example: fature coordinator --admin-listen 127.0.0.1:7600 --admin-token-file /etc/fature/admin-token

            Exit status: 0 stopped as asked, 3 no cluster named or in --data-dir, 64 bad flag, \
            69 PostgreSQL does not answer, 70 failed, 73 a file cannot be read, 76 schema of another version, 77 wrong password, 78 bad setting; the log's last line says why.
            """)

    @OptionGroup var role: RoleOptions
    @OptionGroup var certificates: CertificateOptions

    @Option(name: Settings.coordinatorLeaseMilliseconds.flagName, help: Settings.coordinatorLeaseMilliseconds.argumentHelp)
    var leaseMilliseconds: String?
    @Option(name: Settings.coordinatorExpectedWorkers.flagName, help: Settings.coordinatorExpectedWorkers.argumentHelp)
    var expectedWorkers: String?
    @Option(
        name: Settings.coordinatorStartGraceMilliseconds.flagName, help: Settings.coordinatorStartGraceMilliseconds.argumentHelp)
    var startGraceMilliseconds: String?
    @Option(name: Settings.coordinatorReplicas.flagName, help: Settings.coordinatorReplicas.argumentHelp)
    var replicas: String?
    @Option(name: Settings.coordinatorAdminListen.flagName, help: Settings.coordinatorAdminListen.argumentHelp)
    var adminListen: String?
    @Option(name: Settings.coordinatorAdminTokenFile.flagName, help: Settings.coordinatorAdminTokenFile.argumentHelp)
    var adminTokenFile: String?

    func run() async throws {
        let sources = try role.sources([
            (Settings.coordinatorLeaseMilliseconds, leaseMilliseconds), (Settings.coordinatorExpectedWorkers, expectedWorkers),
            (Settings.coordinatorStartGraceMilliseconds, startGraceMilliseconds), (Settings.coordinatorReplicas, replicas),
            (Settings.coordinatorAdminListen, adminListen), (Settings.coordinatorAdminTokenFile, adminTokenFile),
            (Settings.coordinatorCertificate, certificates.certificate), (Settings.coordinatorKey, certificates.key),
            (Settings.coordinatorAuthority, certificates.authority),
        ])
        let configuration = CoordinatorConfiguration(
            databaseURL: try role.databaseURL(sources),
            leaseMilliseconds: try sources.integer(Settings.coordinatorLeaseMilliseconds),
            expectedWorkers: try sources.integer(Settings.coordinatorExpectedWorkers),
            startGraceMilliseconds: try sources.integer(Settings.coordinatorStartGraceMilliseconds),
            replicas: try sources.integer(Settings.coordinatorReplicas),
            administration: try explained { try Self.administration(sources) })
        try await RoleRunner.run(
            role: "coordinator", logLevel: sources.text(Settings.logLevel),
            stopsOnStandardInputClose: role.stopsOnStandardInputClose
        ) { logger, _ in CoordinatorService(configuration: configuration, logger: logger) }
    }

    /// Nil where operators are not to be answered.
    private static func administration(_ sources: SettingSources) throws -> AdministrationConfiguration? {
        let credentials = try CredentialPaths(
            certificate: sources.optionalText(Settings.coordinatorCertificate),
            key: sources.optionalText(Settings.coordinatorKey),
            authority: sources.optionalText(Settings.coordinatorAuthority))
        let tokenFile = try sources.optionalText(Settings.coordinatorAdminTokenFile)
        guard let listen = try sources.optionalText(Settings.coordinatorAdminListen) else {
            guard tokenFile == nil, credentials == nil else {
                throw CommandError(
                    .configuration,
                    "a token or certificates are of no use to a coordinator without --admin-listen: give it as well")
            }
            return nil
        }
        guard let tokenFile else {
            throw CommandError(
                .configuration,
                "--admin-listen wants --admin-token-file; make one with: (umask 077; openssl rand -hex 32 > admin-token)")
        }
        return AdministrationConfiguration(
            address: try AdministrationAddress(listen), token: try AdministrationToken(file: tokenFile), credentials: credentials)
    }
}
