import Foundation

/// Why a peer is not talked to.
package enum PeerRefusal: Error, Hashable, Sendable {
    case noCertificate
    /// Signed by none of the authorities that we trust.
    case foreignAuthority(issuer: String)
    case expired(since: Date)
    case notYetValid(before: Date)
    /// The authority itself has ended.
    case authorityExpired(since: Date)
    /// Signed by our authority, and yet for nobody of a cluster.
    case noIdentity
    case wrongCluster(ClusterIdentity)
    case wrongRole(ClusterIdentity)
    case wrongName(ClusterIdentity, wanted: String)
    /// The certificate cannot be read, or may not be used so.
    case unfit(String)
    /// The peer's bytes are no TLS.
    case notTLS
    /// The peer wants an older TLS than 1.3.
    case oldTLS
    case tooSlow
    /// More handshakes at once than there are places for.
    case crowdedOut
    /// The peer has closed before the handshake was done.
    case closed
    /// The peer refuses us, with a TLS alert.
    case refusedByPeer(alert: String)
    /// A connection that skips the certificates.
    case unjudged
    /// Without certificates nothing is said beyond loopback.
    case plaintextBeyondLoopback
    case failed(String)

    /// One word for logs.
    package var cause: String {
        switch self {
        case .noCertificate: "no-certificate"
        case .foreignAuthority: "foreign-authority"
        case .expired: "expired"
        case .notYetValid: "not-yet-valid"
        case .authorityExpired: "authority-expired"
        case .noIdentity: "no-identity"
        case .wrongCluster: "wrong-cluster"
        case .wrongRole: "wrong-role"
        case .wrongName: "wrong-name"
        case .unfit: "unfit"
        case .notTLS: "not-tls"
        case .oldTLS: "old-tls"
        case .tooSlow: "too-slow"
        case .crowdedOut: "crowded-out"
        case .closed: "closed"
        case .refusedByPeer: "refused-by-peer"
        case .unjudged: "unjudged"
        case .plaintextBeyondLoopback: "plaintext-beyond-loopback"
        case .failed: "failed"
        }
    }

    /// A sentence for people.
    package var reason: String {
        switch self {
        case .noCertificate: "it shows no certificate"
        case .foreignAuthority(let issuer): "its certificate is by another authority (\(issuer))"
        case .expired(let moment): "its certificate has ended on \(moment.formatted(.iso8601)); issue a new one"
        case .notYetValid(let moment): "its certificate begins on \(moment.formatted(.iso8601)); are the clocks right?"
        case .authorityExpired(let moment): "the cluster's authority has ended on \(moment.formatted(.iso8601))"
        case .noIdentity: "its certificate names nobody of a cluster"
        case .wrongCluster(let identity): "it is of another cluster (\(identity))"
        case .wrongRole(let identity): "its role has no business here (\(identity))"
        case .wrongName(let identity, let wanted): "it is \(identity), where \(wanted) was expected"
        case .unfit(let text): "its certificate cannot be used: \(text)"
        case .notTLS: "it does not speak TLS; has it been given --tls-cert, --tls-key and --tls-ca?"
        case .oldTLS: "it does not speak TLS 1.3"
        case .tooSlow: "its handshake took too long"
        case .crowdedOut: "too many handshakes at once"
        case .closed: "it closed during the handshake; does it speak TLS?"
        case .refusedByPeer(let alert): "it refuses our certificate (\(alert)); its log says why"
        case .unjudged: "it showed no certificate in this handshake"
        case .plaintextBeyondLoopback:
            "beyond loopback nothing is said without certificates; give --tls-cert, --tls-key and --tls-ca"
        case .failed(let text): text
        }
    }
}
