/// One process that `fature up` keeps running.
struct ManagedProcess: Equatable {
    /// As in `worker-1`; also the name of its log.
    let name: String
    /// Phases stop in order, 0 first; the processes of one phase stop together.
    let stopPhase: Int
    /// Asks for an orderly end.
    let stopSignal: Int32
    /// Sent when the person hurries, and to a process that has not ended in time.
    let forceSignal: Int32
    /// How long an orderly end may take.
    let stopMillisecondsMax: Int
}
