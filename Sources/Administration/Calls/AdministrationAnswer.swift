/// What goes back: a document, or a problem (RFC 9457).
package struct AdministrationAnswer: Equatable, Sendable {
    package let status: Int
    package let contentType: String
    package let body: [UInt8]
    /// Beside the usual ones.
    package let headers: [Header]

    package struct Header: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package static let documentType = "application/json"
    package static let problemType = "application/problem+json"

    /// What a call comes to.
    /// - Throws: what the port throws.
    package init(to call: AdministrationCall, by port: some AdministrationPort) throws {
        status = 200
        contentType = Self.documentType
        headers = []
        body = Array((try DocumentJSON.text(of: Self.document(call, port)) + "\n").utf8)
    }

    package init(_ fault: AdministrationFault, requestID: String) {
        status = fault.code.status
        contentType = Self.problemType
        var headers: [Header] = []
        if let methods = fault.allowedMethods { headers.append(Header(name: "allow", value: methods)) }
        if let seconds = fault.code.retryAfter { headers.append(Header(name: "retry-after", value: String(seconds))) }
        if fault.code == .unauthorized { headers.append(Header(name: "www-authenticate", value: "Bearer realm=\"fature\"")) }
        self.headers = headers
        let problem = ProblemDocument(fault, requestID: requestID)
        // A document of texts and numbers can be written; if one could not, the status says enough.
        body = (try? DocumentJSON.text(of: problem)).map { Array(($0 + "\n").utf8) } ?? []
    }

    private static func document(_ call: AdministrationCall, _ port: some AdministrationPort) throws -> any Encodable {
        switch call {
        case .health: try port.health()
        case .workers: try port.workers()
        case .setStanding(let worker, let standing, let request): try port.setStanding(of: worker, to: standing, request)
        case .gateways: try port.gateways()
        case .shards(let worker): try port.shards(of: worker)
        case .shard(let number): try port.shard(number)
        case .plan(let request): try port.plan(request)
        case .plans(let limit): try port.plans(limit: limit)
        case .planNumber(let number): try port.plan(number: number)
        case .currentPlan: try port.currentPlan()
        case .apply(let number, let throttles): try port.apply(number, throttles)
        case .steer(let number, let action, let reason): try port.steer(number, action, reason: reason)
        }
    }
}

/// A fault as JSON.
package struct ProblemDocument: Codable, Sendable {
    /// `/problems/` and the fault's code.
    package let type: String
    package let title: String
    package let status: Int
    package let detail: String
    /// The same as in the header `x-request-id`, and in the log.
    package let requestId: String
    package let plan: RebalanceDocument?

    private static let typeRoot = "/problems/"

    init(_ fault: AdministrationFault, requestID: String) {
        type = Self.typeRoot + fault.code.rawValue
        title = fault.code.title
        status = fault.code.status
        detail = fault.message
        requestId = requestID
        plan = fault.plan
    }

    /// What was meant; nil for a type that is none of ours.
    package var fault: AdministrationFault? {
        guard type.hasPrefix(Self.typeRoot),
            let code = AdministrationFault.Code(rawValue: String(type.dropFirst(Self.typeRoot.count)))
        else { return nil }
        return AdministrationFault(code, detail, plan: plan)
    }
}
