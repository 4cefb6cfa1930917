import Administration
import Core
import Logging
import NIOCore

/// What all connections of operators share. Belongs to their event loop.
final class AdministrationLoop {
    let limits: AdministrationLimits
    let token: AdministrationToken
    let desk: AdministrationDesk
    let logger: Logger
    /// By their requests' ids.
    private var work: [String: Task<Void, Never>] = [:]
    private var connections: [ObjectIdentifier: AdministrationConnection] = [:]
    private var refused = RefusedOperators()
    private var isShuttingDown = false
    private var whenEmpty: EventLoopPromise<Void>?

    init(limits: AdministrationLimits, token: AdministrationToken, desk: AdministrationDesk, logger: Logger) {
        self.limits = limits
        self.token = token
        self.desk = desk
        self.logger = logger
    }

    /// Takes a connection in. Where all places are taken, the one goes that has waited longest without a request at work: so nobody keeps
    /// operators out by connecting.
    /// - Returns: false if every place is at work.
    func enter(_ connection: AdministrationConnection) -> Bool {
        guard !isShuttingDown else { return false }
        if connections.count >= limits.connectionsMax {
            let idle = connections.values.filter(\.isWaiting)
            guard let oldest = idle.min(by: { $0.waitingSince < $1.waitingSince }) else { return false }
            connections[ObjectIdentifier(oldest)] = nil
            oldest.close()
        }
        connections[ObjectIdentifier(connection)] = connection
        return true
    }

    func leave(_ connection: AdministrationConnection) {
        connections[ObjectIdentifier(connection)] = nil
        endIfEmpty()
    }

    /// Whether one more request may be begun.
    var hasRoom: Bool { work.count < limits.requestsAtWorkMax }

    func began(_ task: Task<Void, Never>, requestID: String) { work[requestID] = task }

    func ended(requestID: String) {
        work[requestID] = nil
        endIfEmpty()
    }

    func refusedWithoutToken(peer: String) { refused.tell(peer: peer, logger: logger) }

    /// Closes connections that have nothing at work; the others once they have answered.
    func shutDown(_ promise: EventLoopPromise<Void>) {
        isShuttingDown = true
        whenEmpty = promise
        for connection in connections.values { connection.shutDown() }
        endIfEmpty()
    }

    /// Gives up what is still at work, and closes whatever is open.
    func cut() {
        for task in work.values { task.cancel() }
        for connection in connections.values { connection.close() }
    }

    private func endIfEmpty() {
        guard isShuttingDown, connections.isEmpty, work.isEmpty else { return }
        whenEmpty?.succeed()
        whenEmpty = nil
    }
}
