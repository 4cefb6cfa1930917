import Core
import Foundation
import LoadPlan
import LoadRecord
import TestServers
import Testing

@testable import LoadEngine

@Suite("Events", .serialized)
struct EventTests {
    @Test("commands run at their times beside the load, and how they ended is recorded")
    func commandsAreRecorded() throws {
        let server = try NullServer()
        defer { server.stop() }
        let scratch = try ScratchFolder("events")
        // Executable, as far as anybody can tell before it is tried.
        #expect(
            FileManager.default.createFile(
                atPath: "\(scratch.path)/no-program", contents: Data([0]), attributes: [.posixPermissions: 0o755]))
        var load = TestLoad(count: 2000, rate: 2000)
        load.events = [
            PlannedEvent(atSeconds: 0.5, label: "three", command: ["sh", "-c", "exit 3"]),
            PlannedEvent(atSeconds: 0.1, label: "mark"),
            PlannedEvent(atSeconds: 0.2, label: "sleep", command: ["sleep", "0.3"]),
            PlannedEvent(atSeconds: 0.6, label: "killed", command: ["sh", "-c", "kill -9 $$"]),
            PlannedEvent(atSeconds: 0.7, label: "no program", command: ["\(scratch.path)/no-program"]),
            PlannedEvent(atSeconds: 60, label: "after the end"),
        ]
        let record = try load.run(server.target).run()
        #expect(record.events.map(\.label) == ["mark", "sleep", "three", "killed", "no program"])
        #expect(record.events.map(\.exitStatus) == [nil, 0, 3, 137, 127])
        for (event, planned) in zip(record.events, [0.1, 0.2, 0.5, 0.6, 0.7]) { #expect(event.atSeconds >= planned) }
        #expect(try #require(record.events[1].tookSeconds) >= 0.3)
        #expect(record.outcomes[.ok] == 2000)
    }

    @Test("a command whose program is not there is refused before any load")
    func missingProgram() throws {
        let server = try NullServer()
        defer { server.stop() }
        var load = TestLoad(count: 10)
        for (program, words) in [
            ("/no/such/program", "is not there"), ("no-such-program", "is nowhere in PATH"), ("/tmp", "cannot be executed"),
        ] {
            load.events = [PlannedEvent(atSeconds: 0, label: "fault", command: [program, "1"])]
            let told = #expect(throws: LoadSetUpError.self) { try load.run(server.target).run() }
            #expect(
                told?.code == .scenario && told?.description.contains("event 'fault': the program \(program) ") == true)
            #expect(told?.description.contains(words) == true)
        }
        #expect(server.requests == 0)
    }

    @Test("a command finds the program that runs it, and acts on signals as usual")
    func commandSurroundings() throws {
        let server = try NullServer()
        defer { server.stop() }
        let scratch = try ScratchFolder("events")
        var load = TestLoad(count: 500, rate: 1000)
        // The shell itself is ended by the pipe that nobody reads any more: as long as SIGPIPE is not ignored.
        load.events = [
            PlannedEvent(atSeconds: 0, label: "surroundings", command: ["sh", "-c", "echo $FATURE > '\(scratch.path)/program'"]),
            PlannedEvent(atSeconds: 0, label: "pipe", command: ["bash", "-c", "set -o pipefail; yes | head -1 > /dev/null"]),
        ]
        signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, SIG_DFL) }
        let record = try load.run(server.target).run()
        #expect(record.events.map(\.exitStatus) == [0, 128 + Int(SIGPIPE)])
        let program = try String(contentsOfFile: "\(scratch.path)/program", encoding: .utf8).split(separator: "\n").first
        #expect(program.map { FileManager.default.isExecutableFile(atPath: String($0)) } == true, "\(program ?? "")")
    }

    @Test("a command that hangs is ended with all of its group, at the latest some time after the load")
    func hungCommand() throws {
        let scratch = try ScratchFolder("events")
        let pids = "\(scratch.path)/pids"
        let runner = EventRunner(
            [
                PlannedEvent(
                    atSeconds: 0, label: "hangs",
                    command: ["sh", "-c", "trap '' TERM; sleep 600 & echo $$ $! > '\(pids)'; wait; wait; sleep 600"]),
                PlannedEvent(
                    atSeconds: 0, label: "leaves one behind",
                    command: ["sh", "-c", "trap '' TERM; sleep 600 & echo $! >> '\(pids)2'"]),
            ], begin: monotonicNow())
        runner.start()
        let deadline = Deadline.after(milliseconds: 10_000)
        func numbers() -> [pid_t] {
            ["\(pids)", "\(pids)2"].flatMap { path in
                ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(whereSeparator: \.isWhitespace).compactMap {
                    pid_t($0)
                }
            }
        }
        while numbers().count < 3, !deadline.hasPassed { usleep(1000) }
        let records = runner.finish(milliseconds: 0)
        #expect(records.map(\.exitStatus) == [128 + Int(SIGKILL), 0])
        #expect(numbers().count == 3)
        // A signal is no end yet; and who has no parent is reaped by init.
        while numbers().contains(where: { isAlive($0) }), !deadline.hasPassed { usleep(1000) }
        #expect(numbers().filter { isAlive($0) } == [])
    }

    /// Zombies are not.
    private func isAlive(_ pid: pid_t) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let end = stat.lastIndex(of: ")")
        else {
            return false
        }
        return stat[end...].split(separator: " ").dropFirst().first != "Z"
    }
}
