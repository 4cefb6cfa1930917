import ArgumentParser
import ClusterTLS
import Foundation

/// `fature cluster issue`.
struct ClusterIssueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issue a process's or an operator's certificate and key: NAME.pem and NAME-key.pem, with ca.pem beside them.",
        discussion: """
            A worker's certificate bears the worker's --name: gateways refuse a worker that answers under another one. Issued again over the files \
            that a process uses (--force), the new certificate is taken without a restart.

            Example: fature cluster issue --ca ca --role worker --name w1 --host w1.example.net --host 10.0.0.7 --out w1
            Example: fature cluster issue --ca ca --role gateway --name g1 --host 10.0.0.3 --days 90 --out g1 --force
            Example: fature cluster issue --ca ca --role operator --name maria --out maria

            Exit status: 0 issued, 64 bad flag, name or host, 66 --ca holds no authority, or one that has ended, \
            73 files cannot be read or written, or are there already.
            """)

    @Option(help: ArgumentHelp("The folder of the authority, as init-ca has made it.", valueName: "folder"))
    var ca: String

    @Option(
        help: ArgumentHelp(
            "What the process does, or `operator` for who administers the cluster: \(NodeRole.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "role"))
    var role: String

    @Option(help: ArgumentHelp("The process's name; a worker's as its --name says.", valueName: "name"))
    var name: String

    @Option(
        help: ArgumentHelp(
            "A host name or IP address where it runs; may be repeated. An operator needs none.", valueName: "host"))
    var host: [String] = []

    @Option(help: ArgumentHelp("How many days it lasts; never longer than the authority.", valueName: "n"))
    var days = 365

    @Option(help: ArgumentHelp("The folder for the files.", valueName: "folder"))
    var out: String

    @Flag(help: "Replace a certificate and key that are there.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    struct Answer: Encodable {
        let identity: String
        let hosts: [String]
        let certificate: String
        let key: String
        let authority: String
        let notAfter: String
    }

    func run() throws {
        try explained {
            guard let role = NodeRole(rawValue: role) else {
                throw CommandError(
                    .usage, "--role `\(role)` is not one of \(NodeRole.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            let hosts = try host.map { try CertificateHost($0) }
            let authority = try CredentialFolder(ca).readAuthority()
            let issued = try authority.issue(role: role, name: name, hosts: hosts, days: days)
            let folder = CredentialFolder(out)
            try folder.write(issued, of: authority, isReplacing: force)
            let answer = Answer(
                identity: issued.identity.uri, hosts: hosts.map(\.description), certificate: folder.certificate(of: name),
                key: folder.key(of: name), authority: folder.authority, notAfter: CertificateMoment.text(issued.notAfter))
            if issued.notAfter == authority.notAfter {
                Console.progress("the certificate ends with its authority, on \(answer.notAfter)")
            }
            if json { return try JSONAnswer.print(answer) }
            Console.answer("\(answer.identity), until \(answer.notAfter)")
            Console.answer("  --tls-cert \(answer.certificate) --tls-key \(answer.key) --tls-ca \(answer.authority)")
        }
    }
}
