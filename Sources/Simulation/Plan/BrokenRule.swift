/// A rule that is deliberately broken, to see whether the simulation finds out. Never part of the product: each is done to the machines from
/// outside.
package enum BrokenRule: String, CaseIterable, Sendable {
    case writesWithoutFence = "writes-without-fence"
    case trustsTooLong = "trusts-too-long"
    case targetServesBeforeCommit = "target-serves-before-commit"
    case sourceReadsAfterCommitSent = "source-reads-after-commit-sent"
    case epochNotRaised = "epoch-not-raised"
    case unknownResolvedByReading = "unknown-resolved-by-reading"
    case givenUpEpochsForgotten = "given-up-epochs-forgotten"
    case commitSequenceIgnored = "commit-sequence-ignored"
    case confirmsWithoutComparing = "confirms-without-comparing"
    case olderLoadsAccepted = "older-loads-accepted"
    case answersBeforeApplied = "answers-before-applied"
    case termNotChecked = "term-not-checked"

    /// Faults under which it shows soon.
    var revealingFaults: Set<FaultKind> {
        switch self {
        case .writesWithoutFence: [.workerPauses, .lateStatements]
        case .trustsTooLong: [.drift, .partitions]
        case .targetServesBeforeCommit: [.strayFrames, .slowStatements]
        case .sourceReadsAfterCommitSent: [.lateStatements]
        case .unknownResolvedByReading: [.lateStatements, .strayFrames]
        case .givenUpEpochsForgotten: [.lateStatements, .strayFrames]
        case .commitSequenceIgnored: [.lateStatements]
        case .confirmsWithoutComparing: [.damagedCopies]
        case .olderLoadsAccepted: [.slowStatements, .workerLeaves]
        case .termNotChecked: [.coordinatorPauses, .lateStatements]
        case .epochNotRaised, .answersBeforeApplied: []
        }
    }
}
