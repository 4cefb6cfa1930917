import Core
import Glibc

/// h2load (of nghttp2) in the same shape against the same server: what it does and what processor time it takes.
enum H2LoadPeer {
    struct Figures {
        let perSecond: Double
        let cpuMicrosecondsPerRequest: Double
    }

    /// Nil when it is not installed or fails.
    static func measure(port: Int, connections: Int, streams: Int, requests: Int) -> Figures? {
        let words = [
            "h2load", "-c", "\(connections)", "-m", "\(streams)", "-n", "\(requests)", "-t", "1", "http://127.0.0.1:\(port)/",
        ]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [Int32(0), 1, 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        let begin = monotonicNow()
        var child: pid_t = 0
        guard requests > 0, posix_spawnp(&child, words[0], &actions, nil, arguments, environ) == 0 else { return nil }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(child, &status, 0, &usage) < 0 {
            guard errno == EINTR else { return nil }
        }
        guard status == 0 else { return nil }
        let seconds = Double(monotonicNow() - begin) / 1e9
        let cpu = microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
        return Figures(perSecond: Double(requests) / seconds, cpuMicrosecondsPerRequest: cpu / Double(requests))
    }

    private static func microseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1e6 + Double(time.tv_usec) }
}
