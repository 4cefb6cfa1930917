import Glibc
import Synchronization

/// Ctrl-C: what runs ends in order, and the cluster is taken down.
enum Interruption {
    private static let asked = Atomic<Bool>(false)

    static var isAsked: Bool { asked.load(ordering: .relaxed) }

    /// A second Ctrl-C ends the process as usual.
    static func watch() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                Interruption.asked.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
    }

    static func check() throws {
        if isAsked { throw Shell.Failure(description: "interrupted") }
    }
}
