import Glibc

/// A named place in the code at which a test can have the process die or stop, as a power cut or an overloaded host would.
///
/// Armed by the environment alone: `FATURE_FAIL_POINTS=payment.before-commit=kill@3,intake.after-commit=stop` kills the process when that
/// place is passed for the third time, and stops it (SIGSTOP) at the other. Unarmed, a place costs one comparison.
package enum FailPoint: String, CaseIterable, Sendable {
    /// Transactions are written, the commit is next.
    case intakeBeforeCommit = "intake.before-commit"
    /// Transactions are committed; neither their callers nor Redis know.
    case intakeAfterCommit = "intake.after-commit"
    /// Commissions are written, the commit is next.
    case paymentBeforeCommit = "payment.before-commit"
    /// Commissions are committed; Redis still has the jobs.
    case paymentAfterCommit = "payment.after-commit"
    /// Redis has let go of the jobs.
    case paymentAfterAcknowledgement = "payment.after-acknowledgement"
    /// Some beneficiaries of a RevShare period are settled and committed.
    case revShareAfterPiece = "revshare.after-piece"
    /// A hand-off: the target has a copy, and PostgreSQL does not know.
    case moveBeforeReady = "move.before-ready"
    /// … and PostgreSQL knows, but not who said it.
    case moveAfterReady = "move.after-ready"
    /// A hand-off: the source has measured what it holds, and PostgreSQL does not know.
    case moveBeforeSeal = "move.before-seal"
    /// … and PostgreSQL knows, but not who said it.
    case moveAfterSeal = "move.after-seal"
    /// A hand-off: the target has compared, and PostgreSQL does not know.
    case moveBeforeConfirm = "move.before-confirm"
    /// … and PostgreSQL knows, but not who said it.
    case moveAfterConfirm = "move.after-confirm"
    /// A hand-off: the source answers no reads, and PostgreSQL does not know.
    case moveBeforeCommit = "move.before-commit"
    /// … and PostgreSQL knows, but not who said it.
    case moveAfterCommit = "move.after-commit"
    /// A hand-off: one of the two gives the move up, and PostgreSQL does not know.
    case moveBeforeAbort = "move.before-abort"
    /// … and PostgreSQL knows, but not who said it.
    case moveAfterAbort = "move.after-abort"

    package static let variable = "FATURE_FAIL_POINTS"

    enum Action: String { case kill, stop }

    /// What is armed, in the order written; nil if the text is not understood.
    static func armed(_ text: String) -> [(point: FailPoint, action: Action, passes: Int)]? {
        var armed: [(point: FailPoint, action: Action, passes: Int)] = []
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=")
            guard sides.count == 2, let point = FailPoint(rawValue: String(sides[0])) else { return nil }
            let words = sides[1].split(separator: "@")
            guard let action = words.first.flatMap({ Action(rawValue: String($0)) }) else { return nil }
            let passes = words.count == 1 ? 1 : words.count == 2 ? Int(words[1]) : nil
            guard let passes, passes > 0 else { return nil }
            armed.append((point, action, passes))
        }
        return armed
    }

    private static let plan: FailPlan? = getenv(variable).map { text in
        // A test that misspells a place must not pass: the process ends at once.
        guard let armed = armed(String(cString: text)) else {
            preconditionFailure("\(variable) is not understood; write POINT=kill|stop[@PASS],… with \(allCases.map(\.rawValue))")
        }
        return FailPlan(armed)
    }

    /// Marks that this place is passed.
    package func pass() { Self.plan?.pass(self) }
}

/// `@unchecked Sendable`: the counts are touched only under the lock.
private final class FailPlan: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var armed: [(point: FailPoint, action: FailPoint.Action, passes: Int)]

    init(_ armed: [(point: FailPoint, action: FailPoint.Action, passes: Int)]) {
        self.armed = armed
        pthread_mutex_init(lock, nil)
    }

    func pass(_ point: FailPoint) {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        for index in armed.indices where armed[index].point == point && armed[index].passes > 0 {
            armed[index].passes -= 1
            guard armed[index].passes == 0 else { continue }
            // To this thread, which then goes no further; sent to the process, another thread might take it a moment later.
            raise(armed[index].action == .kill ? SIGKILL : SIGSTOP)
        }
    }
}
