/// What a process does in a cluster, or that somebody administers it, as a certificate says.
package enum NodeRole: String, Sendable, CaseIterable {
    case worker
    case gateway
    case coordinator
    /// A person, or a program of theirs.
    case `operator`

    /// Who may connect to a process of this role.
    package var callers: Set<NodeRole> {
        switch self {
        case .worker: [.gateway]
        case .coordinator: [.operator]
        case .gateway, .operator: []
        }
    }

    /// Whether others connect to this role.
    package var listens: Bool { !callers.isEmpty }

    /// Whether its certificates name hosts: people move about.
    var hasHosts: Bool { self != .operator }

    /// With its article.
    var phrase: String { self == .operator ? "an operator" : "a \(rawValue)" }
}
