import Dispatch

/// Runs a task's work on threads that may block.
package final class BlockingExecutor: TaskExecutor {
    package static let shared = BlockingExecutor()
    private let queue = DispatchQueue(label: "cluster tests", attributes: .concurrent)

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
