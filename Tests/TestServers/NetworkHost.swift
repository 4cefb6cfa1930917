import Glibc

/// A host of its own as far as the network goes: a namespace with an address, and a cable to us. Both are gone with this process.
///
/// Addresses are of 198.18.0.0/15, which RFC 2544 sets aside for tests of networks.
package final class NetworkHost: Sendable {
    /// Of this host.
    package let address: String
    /// Ours, at the other end of the cable. From it this host reaches whatever listens on one of our addresses.
    package let ourAddress: String
    private let scratch: ScratchFolder
    private let holder: ServerProcess

    private static let attempts = 20
    private static let secondsMax = 10

    package init() throws {
        scratch = try ScratchFolder("host")
        let log = "\(scratch.path)/log"
        holder = try ServerProcess(log: log, command: ["unshare", "--net", "sleep", "infinity"])
        let namespace = "/proc/\(holder.pid)/ns/net"
        let end = ContinuousClock.now + .seconds(Self.secondsMax)
        while Self.link(namespace) == Self.link("/proc/self/ns/net") || Self.link(namespace) == nil {
            guard holder.isRunning, ContinuousClock.now < end else {
                holder.end()
                throw TestServerError(
                    "no network namespace: run the tests as root with CAP_SYS_ADMIN and CAP_NET_ADMIN\n"
                        + (ChildProcess.contents(log) ?? ""))
            }
            usleep(5_000)
        }
        // Somebody else may have the number: the cable's name says so.
        var number = 0
        for attempt in 1... {
            number = .random(in: 0..<1 << 14)
            do {
                try ChildProcess.run(
                    [
                        "ip", "link", "add", "fature-\(number)", "type", "veth", "peer", "name", "eth0", "netns",
                        "\(holder.pid)",
                    ], log: log)
                break
            } catch  where attempt < Self.attempts { continue }
        }
        let place = 4 * (number & 63)
        address = "198.18.\(number >> 6).\(place + 2)"
        ourAddress = "198.18.\(number >> 6).\(place + 1)"
        for command in [
            ["ip", "address", "add", "\(ourAddress)/30", "dev", "fature-\(number)"],
            ["ip", "link", "set", "fature-\(number)", "up"],
            inside(["ip", "link", "set", "lo", "up"]), inside(["ip", "address", "add", "\(address)/30", "dev", "eth0"]),
            inside(["ip", "link", "set", "eth0", "up"]), inside(["ip", "route", "add", "default", "via", ourAddress]),
        ] { try ChildProcess.run(command, log: log) }
    }

    /// A command as it has to be started to run on this host. Its process is the command's own.
    package func inside(_ command: [String]) -> [String] { ["nsenter", "--net=/proc/\(holder.pid)/ns/net"] + command }

    /// What has gone over the cable from this host, bytes.
    package var sentBytes: Int {
        let line = ChildProcess.contents("/proc/\(holder.pid)/net/dev")?.split(separator: "\n").first { $0.contains("eth0:") }
        // Behind the name: eight figures of what came, then the bytes of what went.
        let figures = line?.split(separator: ":").last?.split(separator: " ") ?? []
        return figures.count > 8 ? Int(figures[8]) ?? 0 : 0
    }

    /// What a link in /proc shows: namespaces are the same when these are.
    private static func link(_ path: String) -> [CChar]? {
        var characters = [CChar](repeating: 0, count: 128)
        let count = readlink(path, &characters, characters.count)
        return count > 0 ? Array(characters[..<count]) : nil
    }
}
