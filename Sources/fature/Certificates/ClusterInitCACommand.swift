import ArgumentParser
import ClusterTLS
import Foundation

/// `fature cluster init-ca`.
struct ClusterInitCACommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init-ca",
        abstract: "Make a cluster's certificate authority: ca.pem for everybody, ca-key.pem for whoever issues.",
        discussion: """
            Keep ca-key.pem off the cluster's hosts: who has it can be any worker and any gateway.

            Example: fature cluster init-ca --name production --out ca

            Exit status: 0 made, 64 bad flag or name, 73 the files cannot be written or are there already.
            """)

    @Option(help: ArgumentHelp("The cluster's name; certificates of other clusters are refused.", valueName: "cluster"))
    var name: String

    @Option(help: ArgumentHelp("The folder for ca.pem and ca-key.pem.", valueName: "folder"))
    var out: String

    @Option(help: ArgumentHelp("How many days the authority lasts.", valueName: "n"))
    var days = 3650

    @Flag(help: "Replace an authority that is there. All certificates that it has signed are worth nothing then.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    struct Answer: Encodable {
        let cluster: String
        let certificate: String
        let key: String
        let notAfter: String
    }

    func run() throws {
        try explained {
            let authority = try ClusterAuthority.make(cluster: name, days: days)
            let folder = CredentialFolder(out)
            try folder.write(authority, isReplacing: force)
            let answer = Answer(
                cluster: name, certificate: folder.authority, key: folder.authorityKey,
                notAfter: CertificateMoment.text(authority.notAfter))
            if json { return try JSONAnswer.print(answer) }
            Console.answer("authority of \(name), until \(answer.notAfter)")
            Console.answer("  \(answer.certificate)  for every process of the cluster")
            Console.answer("  \(answer.key)  secret: only for `fature cluster issue`")
        }
    }
}

/// Moments of certificates, which have whole seconds.
enum CertificateMoment {
    /// RFC 3339 in UTC.
    static func text(_ moment: Date) -> String { moment.formatted(.iso8601) }
}
