import Foundation

/// Processor time of the cluster's processes, from /proc.
struct ProcessTimes {
    struct Row {
        var user = 0.0
        var system = 0.0
        var total: Double { user + system }
    }

    /// In the order of the table.
    private(set) var rows: [(name: String, row: Row)] = []
    /// Everything that any process of the machine has used.
    private(set) var machine = 0.0

    static let generator = "load generator"
    private static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))

    /// - Parameter processes: names and pids of the cluster's own processes.
    init(_ processes: [(name: String, pid: Int)]) throws {
        for (name, pid) in processes {
            guard name == "postgresql" else {
                rows.append((name, Self.row(of: pid)))
                continue
            }
            // The server's process adds up those of its children that have ended.
            var own = Self.row(of: pid, withEndedChildren: true)
            var backends = Row()
            for child in Self.children(of: pid) {
                let row = Self.row(of: child)
                if Self.isBackend(child) {
                    backends.user += row.user
                    backends.system += row.system
                } else {
                    own.user += row.user
                    own.system += row.system
                }
            }
            rows.append(("postgresql, backends", backends))
            rows.append(("postgresql, WAL writer, checkpoints, vacuum", own))
        }
        rows.append((Self.generator, Self.row(of: Int(getpid()))))
        let fields = try String(contentsOfFile: "/proc/stat", encoding: .utf8).prefix { $0 != "\n" }.split(separator: " ")
            .dropFirst()
        let ticks = fields.compactMap { Double($0) }
        // user, nice, system, (idle, iowait,) irq, softirq
        guard ticks.count >= 7 else { throw Shell.Failure(description: "/proc/stat is not readable") }
        machine = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / Self.ticksPerSecond
    }

    /// What was used since an earlier reading; "everything else" is what no listed process accounts for.
    func since(_ earlier: ProcessTimes) -> [(name: String, row: Row)] {
        var used = rows
        for index in used.indices {
            guard let before = earlier.rows.first(where: { $0.name == used[index].name })?.row else { continue }
            used[index].row.user -= before.user
            used[index].row.system -= before.system
        }
        let known = used.reduce(0) { $0 + $1.row.total }
        used.append(("everything else on the machine", Row(user: 0, system: max(0, machine - earlier.machine - known))))
        return used
    }

    // MARK: /proc

    private static func row(of pid: Int, withEndedChildren: Bool = false) -> Row {
        guard let fields = statFields(pid), fields.count > 14 else { return Row() }
        // proc(5): utime is field 14, stime 15, cutime 16, cstime 17; the first of ours is field 3.
        func seconds(_ number: Int) -> Double { (Double(fields[number - 3]) ?? 0) / ticksPerSecond }
        guard withEndedChildren else { return Row(user: seconds(14), system: seconds(15)) }
        return Row(user: seconds(14) + seconds(16), system: seconds(15) + seconds(17))
    }

    private static func statFields(_ pid: Int) -> [Substring]? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let end = text.lastIndex(of: ")")
        else {
            return nil
        }
        return text[text.index(after: end)...].split(separator: " ")
    }

    private static func children(of pid: Int) -> [Int] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { Int($0) }.filter { statFields($0)?[1] == "\(pid)" }
    }

    /// PostgreSQL's processes name themselves: `postgres: fature fature 127.0.0.1(4711) idle`, `postgres: walwriter`.
    private static func isBackend(_ pid: Int) -> Bool {
        guard let title = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8) else { return false }
        return title.contains("127.0.0.1(")
    }
}

/// Memory of a process, from /proc.
enum ProcessMemory {
    /// Resident bytes now, and the most there ever were.
    static func resident(_ pid: Int) -> (now: Int, most: Int) {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return (0, 0) }
        func bytes(_ name: String) -> Int {
            let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
            return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        }
        return (bytes("VmRSS"), bytes("VmHWM"))
    }
}
