/// What can go wrong. Each seed has its own selection ("swarm testing": A. Groce et al., ISSTA 2012): a run in which everything fails all the time
/// never gets far enough to find what needs three quiet steps first.
package enum FaultKind: Int, CaseIterable, Sendable {
    /// PostgreSQL has done what it was asked, and its answer does not arrive.
    case lostAnswers
    /// A statement arrives long after its sender has stopped waiting.
    case lateStatements
    /// Statements that take long, holding their locks.
    case slowStatements
    /// PostgreSQL restarts: what was open is rolled back, nobody gets an answer for a while.
    case postgresRestarts
    /// A process and PostgreSQL do not reach each other.
    case partitions
    /// Frames between gateways and workers are lost.
    case lostFrames
    /// They are late, and overtake each other.
    case lateFrames
    /// They arrive twice.
    case doubledFrames
    /// They reach a worker that they are not for, as from a gateway that is confused.
    case strayFrames
    case workerCrashes
    /// A worker gives its lease back in order, and comes back as another instance.
    case workerLeaves
    case workerPauses
    case coordinatorCrashes
    case coordinatorPauses
    case gatewayCrashes
    /// A worker dies, or stops for a while, at the moment in which its part of a hand-off enters a certain state.
    case crashesInStates
    case pausesInStates
    /// Clocks run at different speeds, within what the trust window allows for.
    case drift
    case redisWipes
    /// A target's copy is not what it has read.
    case damagedCopies
    /// Somebody aborts moves by hand.
    case operatorAborts
    /// Shards are followed by standbys.
    case standbys

    /// Whether a request may be refused, or a move aborted, because of it.
    var isHarmful: Bool { self != .standbys && self != .drift }
}
