/// Sees the requests of a run besides the record: the ledger check, the sampling of answers. Called on the sending thread; must not block.
package protocol AnswerObserver: AnyObject {
    /// Whether the bodies of this operation's answers are wanted: bodies that nobody wants are counted and forgotten.
    func wantsBody(operation: Int, number: Int) -> Bool
    /// - Parameter number: the request's, from 0, over all agents.
    func sent(operation: Int, number: Int)
    /// - Parameters:
    ///   - status: the HTTP status; 0 when there is none.
    ///   - body: valid during the call; empty unless it was wanted.
    func answered(operation: Int, number: Int, outcome: Outcome, status: Int, body: UnsafeRawBufferPointer)
}
