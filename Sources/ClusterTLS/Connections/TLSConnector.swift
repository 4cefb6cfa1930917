import Logging
import NIOCore
import NIOSSL

/// Makes sure that a connection leads to the process that it is meant for.
package final class TLSConnector: Sendable {
    private let credentials: ClusterCredentials?
    private let refusals = RefusalLog()
    private let limit: TimeAmount

    /// - Parameters:
    ///   - credentials: nil: connections go over loopback alone, in plaintext.
    ///   - limit: how long a handshake may take.
    package init(_ credentials: ClusterCredentials? = nil, limit: TimeAmount? = nil) {
        self.credentials = credentials
        self.limit = limit ?? HandshakeGate.limit
    }

    /// Puts TLS at the end of a new connection's pipeline; what is added after it hears `channelActive` once the peer is known to be
    /// the worker of that name. On the connection's event loop.
    /// - Parameters:
    ///   - worker: the name under which the worker has registered.
    ///   - host: where it says that it is.
    /// - Throws: `PeerRefusal` where plaintext would leave this machine.
    package func prepare(_ channel: any Channel, worker: String, host: String, logger: Logger) throws {
        try prepare(channel, role: .worker, name: worker, host: host) { [refusals] in
            refusals.refused(
                "worker not connected to", $0, peer: host, metadata: ["worker": "\(worker)"], logger: logger)
        }
    }

    /// The same for any coordinator of the cluster.
    /// - Parameter tell: hears why the peer is refused.
    package func prepare(
        _ channel: any Channel, coordinatorAt host: String, tell: @escaping (PeerRefusal) -> Void
    ) throws {
        try prepare(channel, role: .coordinator, name: nil, host: host, tell: tell)
    }

    private func prepare(
        _ channel: any Channel, role: NodeRole, name: String?, host: String, tell: @escaping (PeerRefusal) -> Void
    ) throws {
        guard let loaded = credentials?.current else {
            guard LoopbackHost.contains(host) else {
                tell(.plaintextBeyondLoopback)
                throw PeerRefusal.plaintextBeyondLoopback
            }
            return
        }
        let judge = PeerJudge(
            cluster: loaded.identity.cluster, authorities: loaded.authorities,
            demand: .init(roles: [role], name: name, usage: .serverAuth))
        let verdict = PeerVerdict()
        let tls = try NIOSSLClientHandler(
            context: loaded.clientContext, serverHostname: nil,
            customVerificationCallback: { verdict.decide($0, judge: judge, promise: $1) })
        let gate = HandshakeGate(.connecting, verdict: verdict, tls: tls, peer: host, limit: limit, tell: tell)
        try channel.pipeline.syncOperations.addHandlers([tls, gate])
    }
}
