import Core
import NIOCore
import Testing

@testable import Gateway

/// A connection in whose sweep the gateway is asked to stop.
private final class SweptConnection: ClientConnection {
    private let loop: GatewayLoop
    private var isAsked = false
    /// How often it was told: first of the notice, then of the end.
    private(set) var toldCount = 0

    init(_ loop: GatewayLoop) { self.loop = loop }

    func sweep(now: MonotonicNanoseconds) {
        if !isAsked { loop.shutDown() }
        isAsked = true
    }

    func shutDown() { toldCount += 1 }
}

@Suite("Clients that are told to go elsewhere")
struct ShutdownNoticeTests {
    @Test("they have the whole notice to hear it, also where connections are swept in between")
    func notice() {
        let gateway = HandGateway()
        gateway.loop.start()
        let connection = SweptConnection(gateway.loop)
        gateway.loop.opened(connection)
        // Until the sweep that looks at connections, and no further.
        for _ in 0..<80 where connection.toldCount == 0 { gateway.eventLoop.advanceTime(by: .milliseconds(25)) }
        #expect(connection.toldCount == 1)
        gateway.eventLoop.advanceTime(by: .nanoseconds(Int64(ClientPatience.notice) - 1))
        #expect(connection.toldCount == 1)
        gateway.eventLoop.advanceTime(by: .nanoseconds(1))
        #expect(connection.toldCount == 2)
        gateway.loop.closed(connection)
        gateway.loop.stop()
    }
}
