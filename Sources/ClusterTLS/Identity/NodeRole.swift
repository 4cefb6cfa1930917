/// What a process does in a cluster, as its certificate says.
package enum NodeRole: String, Sendable, CaseIterable {
    case worker
    case gateway
    case coordinator

    /// Who may connect to a process of this role. Only workers listen for other processes.
    package var callers: Set<NodeRole> {
        switch self {
        case .worker: [.gateway]
        case .gateway, .coordinator: []
        }
    }

    /// Whether other processes connect to this role.
    package var listens: Bool { !callers.isEmpty }
}
