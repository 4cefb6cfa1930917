import Logging
import NIOCore
import NIOSSL

/// Lets peers with a fitting certificate in, and nobody else.
package final class TLSAcceptor: Sendable {
    private let credentials: ClusterCredentials
    private let places: HandshakePlaces
    private let refusals = RefusalLog()
    private let logger: Logger
    private let limit: TimeAmount

    /// - Parameters:
    ///   - places: handshakes at once.
    ///   - limit: how long one may take.
    package init(
        _ credentials: ClusterCredentials, logger: Logger, places: Int = HandshakePlaces.countMax, limit: TimeAmount? = nil
    ) {
        self.credentials = credentials
        self.logger = logger
        self.places = HandshakePlaces(countMax: places)
        self.limit = limit ?? HandshakeGate.limit
    }

    /// Puts TLS at the end of a new connection's pipeline; what is added after it hears `channelActive` once the peer is known.
    /// On the connection's event loop.
    /// - Returns: who the peer is, once it is known.
    @discardableResult
    package func prepare(_ channel: any Channel) throws -> AcceptedPeer {
        let loaded = credentials.current
        let judge = PeerJudge(
            cluster: loaded.identity.cluster, authorities: loaded.authorities,
            demand: .init(roles: loaded.identity.role.callers, name: nil, usage: .clientAuth))
        let verdict = PeerVerdict()
        let tls = NIOSSLServerHandler(
            context: loaded.serverContext,
            customVerificationCallback: { verdict.decide($0, judge: judge, promise: $1) })
        let peer = channel.remoteAddress?.ipAddress ?? "unknown"
        let gate = HandshakeGate(
            .accepting(places), verdict: verdict, tls: tls, peer: peer, limit: limit,
            tell: { [refusals, logger] in refusals.refused("connection refused", $0, peer: peer, logger: logger) })
        try channel.pipeline.syncOperations.addHandlers([tls, gate])
        return AcceptedPeer(verdict: verdict)
    }
}

/// Who has connected.
package struct AcceptedPeer: Sendable {
    let verdict: PeerVerdict

    /// Nil until its handshake is done, and for who was refused.
    package var identity: ClusterIdentity? { try? verdict.result?.get() }
}
