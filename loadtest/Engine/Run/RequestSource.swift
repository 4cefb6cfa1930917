import LoadPlan

/// The planned times of the requests that this agent sends.
package protocol PlannedTimes {
    /// Of a closed loop: how many requests are always in flight, over all agents.
    var closedInFlight: Int? { get }
    /// The number of the request whose time `next` gave last, over all agents.
    var number: Int { get }
    /// Nanoseconds from the begin of the warm-up, ascending; nil when all are planned.
    mutating func next() -> UInt64?
}

/// What is asked. A request follows from its number alone.
package protocol RequestSource {
    mutating func make(_ number: Int, into request: inout PlannedRequest)
}

extension ArrivalClock: PlannedTimes {}
extension RequestMaker: RequestSource {}

/// Asks for a path each, in turn: calibration and tests.
package struct PathSource: RequestSource {
    private let paths: [String]

    package init(_ paths: [String]) { self.paths = paths }

    package mutating func make(_ number: Int, into request: inout PlannedRequest) {
        request.operation = number % paths.count
        request.isPost = false
        request.shard = nil
        request.path.removeAll()
        request.path.append(paths[number % paths.count])
        request.body.removeAll()
    }
}
