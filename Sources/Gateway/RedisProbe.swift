import Dispatch
import RedisClient

/// Asks Redis now and then whether it is there.
final class RedisProbe: @unchecked Sendable {
    // @unchecked: `connection` is touched on `queue` only.
    private let configuration: RedisConfiguration
    private let queue = DispatchQueue(label: "fature.redis-probe")
    private var connection: RedisConnection?

    private static let patienceMilliseconds = 1000

    /// - Throws: when the URL is not a Redis URL.
    init(url: String) throws {
        configuration = try RedisConfiguration(
            url: url, connectTimeoutMilliseconds: Self.patienceMilliseconds, commandTimeoutMilliseconds: Self.patienceMilliseconds
        )
    }

    func isAlive() async -> Bool {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.ping()) }
        }
    }

    private func ping() -> Bool {
        do {
            let open = try connection ?? RedisConnection(configuration)
            connection = open
            if !open.isUsable { try open.reconnect() }
            return try open.command("PING") == .status("PONG")
        } catch {
            // "Not alive" is the whole answer here; the next probe begins afresh.
            connection = nil
            return false
        }
    }

    func shutdown() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.connection?.close()
                self.connection = nil
                continuation.resume()
            }
        }
    }
}
