import ClusterSupport
import Foundation
import TestServers
import Testing

/// Hosts without a cluster on them, gone with the test process.
private final class BareHosts {
    let id = String((0..<8).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement() ?? "a" })
    private let janitor: WatchingShell

    init() throws {
        janitor = try WatchingShell(
            "trap '' INT TERM HUP; read -r order; \"$1\" down \"$2\"", ["\(ClusterScript.folder)/netns/netns.sh", id])
        try netns("up")
    }

    deinit { janitor.release() }

    @discardableResult
    func netns(_ verb: String, _ arguments: String...) throws -> String {
        try ClusterScript.need("netns/netns.sh", [verb, id] + arguments)
    }

    /// What is lost of a host's frames, and how much it is slowed, as `show` has it.
    func state(of host: String) throws -> [String] {
        let line = try netns("show").split(separator: "\n").first { $0.hasPrefix("\(host) ") } ?? ""
        let words = line.split(separator: " ").map(String.init)
        return [words.count > 2 ? words[2] : "", words.dropFirst(3).joined(separator: " ")]
    }
}

@Suite("The scripts of the hosts", .serialized, .enabled(if: HostCluster.obstacle == nil))
struct HostScriptTests {
    @Test("what is cut stays cut when a host is slowed, again and otherwise, and is healed when that is asked")
    func slowKeepsCuts() async throws {
        try await TestCluster.blocking {
            let hosts = try BareHosts()
            let everyone = "everyone, and theirs to it"
            try hosts.netns("cut", "w1")
            try hosts.netns("cut", "g1", "w2", "--one-way")
            let peer = try hosts.netns("address", "w2")
            for milliseconds in ["20", "30"] {
                for host in ["w1", "g1"] { try hosts.netns("slow", host, milliseconds) }
                #expect(try hosts.state(of: "w1") == [milliseconds, everyone])
                #expect(try hosts.state(of: "g1") == [milliseconds, peer])
            }
            // In use: slow, and both ways.
            let address = try hosts.netns("address", "g2")
            try hosts.netns("slow", "w3", "20")
            try hosts.netns("exec", "w3", "bash", "-c", "(exec 3<>/dev/tcp/\(address)/9) 2>&1 | grep -q refused")
            try hosts.netns("heal", "w1")
            #expect(try hosts.state(of: "w1") == ["-", ""])
            try hosts.netns("heal")
            for host in ["w1", "w3", "g1"] { #expect(try hosts.state(of: host) == ["-", ""]) }
        }
    }

    @Test("a process is signalled by its number only as long as that is its own")
    func staleNumbers() async throws {
        try await TestCluster.blocking {
            let hosts = try BareHosts()
            let scratch = try ScratchFolder("roles")
            try FileManager.default.createDirectory(atPath: "\(scratch.path)/run", withIntermediateDirectories: true)
            let settings = "DATABASE_URL=none\nREDIS_URL=none\nbinary=/bin/true\nreplicas=0\n"
            try settings.write(toFile: "\(scratch.path)/environment", atomically: true, encoding: .utf8)
            try "\(scratch.path)\n".write(toFile: "/run/fature-netns/\(hosts.id)/folder", atomically: true, encoding: .utf8)
            func role(_ begin: String) throws -> ServerProcess {
                let process = try ServerProcess(log: "/dev/null", command: ["sleep", "1000"])
                let stat = try String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8)
                let own = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")[20]
                try "\(process.pid) \(begin.isEmpty ? String(own) : begin)\n".write(
                    toFile: "\(scratch.path)/run/w1", atomically: true, encoding: .utf8)
                return process
            }
            // Its number is another one's by now.
            let other = try role("1")
            for verb in ["kill", "pid"] {
                let answer = try ClusterScript.run("netns/cluster.sh", [verb, hosts.id, "w1"])
                #expect(answer.status == 1 && answer.said.contains("w1 does not run"), "\(answer)")
            }
            try ClusterScript.need("netns/cluster.sh", ["stop", hosts.id, "w1"])
            #expect(other.isRunning)
            let own = try role("")
            #expect(try ClusterScript.need("netns/cluster.sh", ["pid", hosts.id, "w1"]) == "\(own.pid)")
            try ClusterScript.need("netns/cluster.sh", ["kill", hosts.id, "w1"])
            try TestCluster.wait("it is killed") { !own.isRunning }
        }
    }
}
