import Administration
import Core
import NIOHTTP1

/// One request as it arrives, and what is wrong with it already.
struct OperatorRequest {
    let method: String
    let target: String
    let requestID: String
    let isKeptAlive: Bool
    let claimedName: String?
    private(set) var body: [UInt8] = []
    /// Why it will be refused, once it has arrived.
    private(set) var fault: AdministrationFault?
    /// Whether there is no use in waiting for the rest.
    private(set) var isHopeless = false

    private let bodyBytesMax: Int

    init(_ head: HTTPRequestHead, limits: AdministrationLimits, token: AdministrationToken) {
        method = head.method.rawValue
        target = head.uri
        bodyBytesMax = limits.bodyBytesMax
        requestID = Self.newRequestID()
        // Of another protocol we would not understand the next bytes.
        isKeptAlive = head.isKeepAlive && head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        claimedName = head.headers.first(name: OperatorName.header)
        let shown = head.headers["authorization"]
        if shown.count == 1, let text = AdministrationToken.shown(in: shown[0]), token.matches(text) {
            fault = Self.fault(in: head, claimedName)
        } else {
            fault = AdministrationFault(
                .unauthorized, "give the token of the coordinator's --admin-token-file as `authorization: Bearer …`")
            // Who has no token has no business with a connection either.
            isHopeless = true
        }
        // Browsers say so, and no page of any origin has business here, whatever token it has got hold of.
        if head.headers.contains(name: "origin") {
            fault = AdministrationFault(.foreignOrigin, "requests with an `origin` come from web pages, and are refused")
            isHopeless = true
        }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > bodyBytesMax { refuseBody() }
    }

    private static func fault(in head: HTTPRequestHead, _ claimedName: String?) -> AdministrationFault? {
        if let claimedName, !OperatorName.isFit(claimedName) {
            return AdministrationFault(
                .malformedRequest, "`\(OperatorName.header)` is 1 to \(OperatorName.bytesMax) visible ASCII characters")
        }
        guard head.method == .POST else { return nil }
        let type = head.headers.first(name: "content-type")?.split(separator: ";").first
        guard type?.lowercased().filter({ $0 != " " }) == "application/json" else {
            return AdministrationFault(.unsupportedMediaType, "a POST wants `content-type: application/json`, also with no body")
        }
        return nil
    }

    /// Whether nothing is changed by it.
    var isQuestion: Bool { method == "GET" }

    mutating func append(_ bytes: some Collection<UInt8>) {
        guard body.count + bytes.count <= bodyBytesMax else { return refuseBody() }
        body += bytes
    }

    mutating func refuse(_ fault: AdministrationFault) { self.fault = fault }

    private mutating func refuseBody() {
        isHopeless = true
        if fault == nil { fault = AdministrationFault(.bodyTooLarge, "a body has \(bodyBytesMax) bytes at most") }
    }

    static func newRequestID() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
