import ArgumentParser

/// `fature cluster`.
struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Make the certificates with which processes on several hosts know each other.",
        discussion: """
            On one host no certificates are needed. Beyond loopback a worker wants its certificate, its key and the cluster's authority, and so \
            does every gateway; the authority's key stays with whoever issues certificates.

            Example: fature cluster init-ca --name production --out ca
            Example: fature cluster issue --ca ca --role worker --name w1 --host 10.0.0.7 --out w1
            Example: fature worker --name w1 --listen-host 10.0.0.7 --tls-cert w1/w1.pem --tls-key w1/w1-key.pem --tls-ca w1/ca.pem

            Exit status: 0 done, 1 a certificate is not valid now, 64 bad flag or name, 66 a file is not what it should be, \
            73 a file cannot be read or written, or is there already.
            """,
        subcommands: [ClusterInitCACommand.self, ClusterIssueCommand.self, ClusterInspectCommand.self])
}
