import NIOCore
import NIOSSL
import Synchronization

/// What has been found about one connection's peer. Nil until it has shown its certificate.
final class PeerVerdict: Sendable {
    private let state = Mutex<Result<ClusterIdentity, PeerRefusal>?>(nil)

    var result: Result<ClusterIdentity, PeerRefusal>? { state.withLock { $0 } }

    /// Judges the chain that a peer shows; TLS waits for it. On the event loop.
    func decide(
        _ chain: [NIOSSLCertificate], judge: PeerJudge, promise: EventLoopPromise<NIOSSLVerificationResult>
    ) {
        guard let own = chain.first, let bytes = try? own.toDERBytes() else {
            state.withLock { $0 = .failure(.noCertificate) }
            promise.succeed(.failed)
            return
        }
        Task {
            let result = await judge.judge(bytes)
            state.withLock { $0 = result }
            if case .success = result { promise.succeed(.certificateVerified) } else { promise.succeed(.failed) }
        }
    }
}
