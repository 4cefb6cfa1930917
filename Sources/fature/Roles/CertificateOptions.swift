import ArgumentParser

/// Where certificate, key and authorities are, as flags of roles and of who asks a coordinator. One type for all: `fature worker ls` is a subcommand of
/// the role `fature worker`, and what it is given must be its own.
struct CertificateOptions: ParsableArguments {
    @Option(
        name: .customLong("tls-cert"),
        help: ArgumentHelp(
            "The certificate, a file in PEM; roles read it again when it changes. Or FATURE_WORKER_TLS_CERT, FATURE_GATEWAY_…, FATURE_COORDINATOR_…, or `tls_cert` in the role's section of the file; FATURE_ADMIN_TLS_CERT for who asks a coordinator.",
            valueName: "file"))
    var certificate: String?

    @Option(
        name: .customLong("tls-key"),
        help: ArgumentHelp(
            "Its key, a file in PEM that nobody else can read. Or the same with …_TLS_KEY and `tls_key`.", valueName: "file"))
    var key: String?

    @Option(
        name: .customLong("tls-ca"),
        help: ArgumentHelp(
            "The cluster's authorities, a file in PEM: peers with other certificates are refused. Needed beyond loopback. Or the same with …_TLS_CA and `tls_ca`.",
            valueName: "file"))
    var authority: String?

    var isEmpty: Bool { certificate == nil && key == nil && authority == nil }
}
