import Administration
import ClusterTLS
import Core
import Logging
import NIOCore
import NIOPosix
import Placement
import Store

/// Administration by a coordinator, over HTTP. Blocks; belongs to one thread.
///
/// Questions share a connection, and one that finds it closed is asked once more. A change has a connection of its own and is never asked for
/// twice.
final class RemoteAdministration: AdministrationPort {
    private let url: AdministrationURL
    private let authorization: String
    private let operatorName: String
    private let connector: TLSConnector
    private let eventLoop: any EventLoop
    /// The one that questions share.
    private var shared: Connection?

    private struct Connection {
        let channel: any Channel
        /// It outlives the channel's pipeline, and with it why the peer was refused.
        let exchange: NIOLoopBound<RemoteExchange>
    }

    private static let connectSecondsMax: Int64 = 5
    /// Somewhat more than a coordinator takes.
    private static let answerSecondsMax: Int64 = 40

    /// Connects to nobody yet.
    /// - Throws: `misconfigured` where certificates and address do not go together; what is wrong with the certificates.
    init(_ url: AdministrationURL, token: AdministrationToken, credentials: CredentialPaths?) throws {
        guard url.isTLS == (credentials != nil) else {
            throw AdministrationFault(
                .misconfigured,
                url.isTLS
                    ? "\(url) wants --tls-cert, --tls-key and --tls-ca; `fature cluster issue --role operator` makes them"
                    : "certificates are of no use with \(url); say https://")
        }
        guard url.isTLS || LoopbackHost.contains(url.address.host) else {
            throw AdministrationFault(
                .misconfigured, "\(url) leaves this machine, and there the token is told over https alone; say https://")
        }
        self.url = url
        authorization = token.authorization
        operatorName = String(
            ChangeOrigin.commandLine.actor.unicodeScalars.filter { (0x21...0x7e).contains($0.value) }.map(Character.init)
                .prefix(OperatorName.bytesMax))
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        self.eventLoop = eventLoop
        let loaded = try credentials.map { paths in
            try eventLoop.makeFutureWithTask {
                try await ClusterCredentials(
                    paths, role: .operator, name: nil, logger: Logger(label: "operator") { _ in SwiftLogNoOpLogHandler() })
            }.wait()
        }
        connector = TLSConnector(loaded)
    }

    func health() throws -> HealthDocument { try ask(.health) }
    func workers() throws -> WorkerListDocument { try ask(.workers) }
    func setStanding(of worker: String, to standing: WorkerStanding, _ request: StandingRequest) throws -> WorkerStandingDocument
    {
        try ask(.setStanding(worker: worker, standing, request))
    }
    func gateways() throws -> GatewayListDocument { try ask(.gateways) }
    func shards(of worker: String?) throws -> ShardListDocument { try ask(.shards(worker: worker)) }
    func shard(_ number: Int) throws -> ShardDocument { try ask(.shard(number)) }
    func plan(_ request: PlanRequest) throws -> RebalanceDocument { try ask(.plan(request)) }
    func plans(limit: Int) throws -> PlanListDocument { try ask(.plans(limit: limit)) }
    func plan(number: Int64) throws -> RebalanceDocument { try ask(.planNumber(number)) }
    func currentPlan() throws -> RebalanceDocument { try ask(.currentPlan) }
    func apply(_ number: Int64, _ throttles: RebalanceThrottles) throws -> RebalanceDocument {
        try ask(.apply(number, throttles))
    }
    func steer(_ number: Int64, _ action: RebalanceAction, reason: String?) throws -> RebalanceDocument {
        try ask(.steer(number, action, reason: reason))
    }

    private func ask<Document: Decodable>(_ call: AdministrationCall) throws -> Document {
        let answer = try send(call)
        do {
            if answer.status == 200 { return try DocumentJSON.read(Document.self, from: answer.body) }
            if let fault = try DocumentJSON.read(ProblemDocument.self, from: answer.body).fault { throw fault }
        } catch let error as DecodingError {
            throw AdministrationFault(
                .notUnderstood,
                "\(url) answered \(answer.status) and what no coordinator of this version says (\(Self.brief(error))); check --admin-url"
            )
        }
        throw AdministrationFault(
            .notUnderstood, "\(url) answered \(answer.status), for a reason that this version does not know")
    }

    private func send(_ call: AdministrationCall) throws -> RemoteAnswer {
        let request = RemoteRequest(
            method: call.method, target: call.target, host: "\(url.address)", authorization: authorization,
            operatorName: operatorName, body: call.body?.bytes)
        if !call.isChange, let shared, shared.channel.isActive {
            do { return try exchange(request, on: shared) } catch let failure as RemoteFailure where failure.isClosed {
                self.shared = nil
            } catch let failure as RemoteFailure { throw explained(failure) }
        }
        let opened = try connect()
        if !call.isChange { shared = opened }
        defer { if call.isChange { opened.channel.close(promise: nil) } }
        do { return try exchange(request, on: opened) } catch let failure as RemoteFailure { throw explained(failure) }
    }

    private func connect() throws -> Connection {
        let connector = connector
        let host = url.address.host
        // A name may have several addresses, each of which is tried on a channel of its own.
        let exchanges = NIOLoopBoundBox<[ObjectIdentifier: RemoteExchange]?>.makeEmptyBox(eventLoop: eventLoop)
        do {
            return try ClientBootstrap(group: eventLoop)
                .connectTimeout(.seconds(Self.connectSecondsMax))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let exchange = RemoteExchange()
                        exchanges.value = (exchanges.value ?? [:]).merging([ObjectIdentifier(channel): exchange]) { $1 }
                        try connector.prepare(channel, coordinatorAt: host) { exchange.refused($0) }
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(exchange)
                    }
                }
                .connect(host: host, port: url.address.port)
                .flatMapThrowing { channel in
                    guard let exchange = exchanges.value?[ObjectIdentifier(channel)] else {
                        throw ChannelError.inappropriateOperationForState
                    }
                    return Connection(channel: channel, exchange: NIOLoopBound(exchange, eventLoop: channel.eventLoop))
                }
                .wait()
        } catch {
            throw AdministrationFault(
                .unreachable,
                "nobody answers at \(url) (\(Self.brief(error))); check that a coordinator runs there with --admin-listen")
        }
    }

    private func exchange(_ request: RemoteRequest, on connection: Connection) throws -> RemoteAnswer {
        let promise = connection.channel.eventLoop.makePromise(of: RemoteAnswer.self)
        let exchange = connection.exchange
        connection.channel.eventLoop.execute {
            exchange.value.ask(request, within: .seconds(Self.answerSecondsMax), promise)
        }
        return try promise.futureResult.wait()
    }

    private func explained(_ failure: RemoteFailure) -> AdministrationFault {
        if let refusal = failure.refusal {
            return AdministrationFault(.peerRefused, "\(url) is not talked to: \(refusal.reason)")
        }
        return AdministrationFault(
            .unreachable, "\(url) gave no answer (\(failure.reason)); look whether it was done before asking again")
    }

    private static let briefCharactersMax = 160

    private static func brief(_ error: any Error) -> String {
        if let attempts = error as? NIOConnectionError {
            if let refused = attempts.connectionErrors.first?.error as? IOError {
                return String(cString: strerror(refused.errnoCode))
            }
            if attempts.dnsAError != nil, attempts.connectionErrors.isEmpty { return "no address is known for this name" }
        }
        return String("\(error)".split(whereSeparator: \.isNewline).joined(separator: " ").prefix(briefCharactersMax))
    }
}
