/// Why an operator does something: it is kept, and shown on terminals.
enum OperatorReason {
    /// - Throws: `invalidField` for one that is too long or has control characters.
    static func check(_ reason: String?) throws(AdministrationFault) {
        guard let reason else { return }
        guard reason.utf8.count <= StandingRequest.reasonBytesMax, CallWords.isPlain(reason) else {
            throw AdministrationFault(
                .invalidField,
                "`reason` is one line of \(StandingRequest.reasonBytesMax) bytes at most, without control characters")
        }
    }
}
