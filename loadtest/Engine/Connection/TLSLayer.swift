import Core
import NIOCore
import NIOEmbedded
import NIOSSL
import NIOTLS

/// TLS for one connection: bytes in, bytes out. BoringSSL by way of swift-nio-ssl, in a channel that has no socket.
///
/// Belongs to the thread that made it.
final class TLSLayer {
    private let channel: EmbeddedChannel
    private let alpn: AgreedProtocol

    /// What the handler says once the handshake is done.
    private final class AgreedProtocol: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var name: String??
        var failure: (any Error)?

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent { name = .some(negotiated) }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { failure = failure ?? error }
    }

    /// What all connections of a run share: the trusted certificates.
    static func context(_ target: LoadTarget) throws(LoadSetUpError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["h2"]
        if let file = target.caFile { configuration.trustRoots = .file(file) }
        do {
            if let text = target.certificates {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw LoadSetUpError(
                .certificate, "CA file \(target.caFile ?? "of the system"): \(error); it must be PEM with one certificate or more"
            )
        }
    }

    init(_ context: NIOSSLContext, host: String) throws {
        alpn = AgreedProtocol()
        channel = EmbeddedChannel()
        // A certificate may name an address, which is checked against the channel's.
        let address = try? NIOCore.SocketAddress(ipAddress: host, port: 443)
        let peer = try address ?? NIOCore.SocketAddress(ipAddress: "127.0.0.1", port: 443)
        channel.remoteAddress = peer
        try channel.pipeline.syncOperations.addHandlers([
            try NIOSSLClientHandler(context: context, serverHostname: address == nil ? host : nil), alpn,
        ])
        channel.connect(to: peer, promise: nil)
    }

    var isReady: Bool { alpn.name != nil }
    var speaksHTTP2: Bool { alpn.name == .some(.some("h2")) }
    var failure: (any Error)? { alpn.failure }

    /// Takes bytes from the socket; appends what they say in clear. False: the connection is beyond use.
    func receive(_ bytes: UnsafeRawBufferPointer, clear: ByteBuilder) -> Bool {
        do {
            try channel.writeInbound(ByteBuffer(bytes: bytes))
            while let buffer = try channel.readInbound(as: ByteBuffer.self) {
                buffer.withUnsafeReadableBytes { clear.append($0) }
            }
        } catch {
            alpn.failure = alpn.failure ?? error
        }
        return alpn.failure == nil
    }

    /// Takes bytes in clear.
    func send(_ bytes: UnsafeRawBufferPointer) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    /// Appends what is to go to the socket.
    func drain(into output: ByteBuilder) {
        while let buffer = try? channel.readOutbound(as: ByteBuffer.self) {
            buffer.withUnsafeReadableBytes { output.append($0) }
        }
    }
}
