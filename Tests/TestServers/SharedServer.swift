/// Starts something once per process, however many tests ask for it at the same time.
actor SharedServer<Server: Sendable> {
    private let start: @Sendable () async throws -> Server
    private var task: Task<Server, any Error>?

    init(_ start: @escaping @Sendable () async throws -> Server) { self.start = start }

    func value() async throws -> Server {
        let task = task ?? Task { [start] in try await start() }
        self.task = task
        return try await task.value
    }
}
