/// Who a process is: its cluster, what it does there, and its name. In a certificate: the URI `fature://CLUSTER/ROLE/NAME`.
package struct ClusterIdentity: Hashable, Sendable, CustomStringConvertible {
    package let cluster: String
    package let role: NodeRole
    package let name: String

    /// How every URI of ours begins.
    package static let scheme = "fature://"

    /// - Throws: `badName` for names that do not fit.
    package init(cluster: String, role: NodeRole, name: String) throws(ClusterTLSError) {
        try Self.require(cluster, "the cluster's name")
        try Self.require(name, "the name")
        self.cluster = cluster
        self.role = role
        self.name = name
    }

    /// Nil for anything but `fature://CLUSTER/ROLE/NAME`, to the letter.
    package init?(uri: String) {
        guard uri.hasPrefix(Self.scheme) else { return nil }
        let parts = uri.dropFirst(Self.scheme.count).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let role = NodeRole(rawValue: parts[1]), IdentityName.complaint(about: parts[0]) == nil,
            IdentityName.complaint(about: parts[2]) == nil
        else { return nil }
        cluster = parts[0]
        self.role = role
        name = parts[2]
    }

    package var uri: String { "\(Self.scheme)\(cluster)/\(role.rawValue)/\(name)" }

    package var description: String { uri }

    static func require(_ name: String, _ what: String) throws(ClusterTLSError) {
        if let complaint = IdentityName.complaint(about: name) {
            throw ClusterTLSError(.badName, "\(what) `\(name)` \(complaint)")
        }
    }
}
