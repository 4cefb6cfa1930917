/// Who asked for a change, and by which request: kept in the audit.
package struct ChangeOrigin: Hashable, Sendable {
    package var actor: String
    package var requestID: String?

    package init(actor: String, requestID: String? = nil) {
        self.actor = actor
        self.requestID = requestID
    }
}
