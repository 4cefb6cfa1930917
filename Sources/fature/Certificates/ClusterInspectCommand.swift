import ArgumentParser
import ClusterTLS
import Foundation

/// `fature cluster inspect`.
struct ClusterInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show whose certificate a file holds, until when, and by whom.",
        discussion: """
            Example: fature cluster inspect w1/w1.pem
            Example: fature cluster inspect w1/w1.pem --ca ca/ca.pem --json

            Exit status: 0 valid now, 1 not valid now or not signed by the authority in --ca, 64 bad flag, \
            66 the file holds no certificate, 73 it cannot be read.
            """)

    @Argument(help: ArgumentHelp("A file of certificates in PEM.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("A file of authorities: is each certificate signed by one of them?", valueName: "file"))
    var ca: String?

    @Flag(help: "Print JSON.")
    var json = false

    struct Answer: Encodable {
        let certificates: [Entry]
    }

    struct Entry: Encodable {
        /// A role, `authority`, or nil for what is not of a cluster.
        let role: String?
        let cluster: String?
        let name: String?
        let hosts: [String]
        let subject: String
        let issuer: String
        let serial: String
        let sha256: String
        let notBefore: String
        let notAfter: String
        let daysLeft: Int
        let isValidNow: Bool
        /// Nil where no authority was named.
        let isSignedByAuthority: Bool?
    }

    func run() throws {
        try explained {
            let authorities = try ca.map { try CredentialFile.read($0) }
            let summaries = try CertificateSummary.read(CredentialFile.read(file), file: file)
            let signed = try authorities.map {
                try CertificateSummary.areSigned(CredentialFile.read(file), file: file, by: $0, authorityFile: ca ?? "")
            }
            let entries = summaries.enumerated().map { index, summary in
                Entry(
                    role: summary.role, cluster: summary.cluster, name: summary.name, hosts: summary.hosts,
                    subject: summary.subject, issuer: summary.issuer, serial: summary.serial, sha256: summary.sha256,
                    notBefore: CertificateMoment.text(summary.notBefore), notAfter: CertificateMoment.text(summary.notAfter),
                    daysLeft: summary.daysLeft, isValidNow: summary.isValidNow, isSignedByAuthority: signed?[index])
            }
            if json {
                try JSONAnswer.print(Answer(certificates: entries))
            } else {
                for entry in entries { Console.answer(Self.text(of: entry)) }
            }
            guard entries.allSatisfy({ $0.isValidNow && $0.isSignedByAuthority != false }) else {
                throw CommandError.alreadyExplained(.negative)
            }
        }
    }

    private static func text(of entry: Entry) -> String {
        let who = [entry.role, entry.name, entry.cluster.map { "of \($0)" }].compactMap(\.self).joined(separator: " ")
        var rows = [
            ("who", who.isEmpty ? "nobody of a cluster" : who), ("hosts", entry.hosts.joined(separator: ", ")),
            ("subject", entry.subject), ("issuer", entry.issuer), ("serial", entry.serial), ("sha256", entry.sha256),
            ("from", entry.notBefore),
            ("until", "\(entry.notAfter) (\(entry.isValidNow ? "\(entry.daysLeft) days left" : "not valid now"))"),
        ]
        if let isSigned = entry.isSignedByAuthority {
            rows.append(("signed", isSigned ? "by the authority" : "not by the authority"))
        }
        return rows.filter { !$0.1.isEmpty }.map { "\($0.0.padding(toLength: 8, withPad: " ", startingAt: 0))\($0.1)" }
            .joined(separator: "\n")
    }
}
