import ArgumentParser
import LoadEngine
import LoadRecord

/// `fature loadtest calibrate`.
struct LoadTestCalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Show what load this machine can generate, against a server that does nothing.",
        discussion: """
            Open loop: the highest rate at which slip and processor time stay within the limits of a valid run; the null server shares the machine. Closed loop:
            beside h2load, if it is installed.

            Example: fature loadtest calibrate

            Exit status: 0 measured, 3 no server could be started.
            """)

    @Option(help: ArgumentHelp("The length of each attempt.", valueName: "n"))
    var seconds: Double = 3

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (0.5...600).contains(seconds) else { throw ValidationError("--seconds \(seconds): give 0.5 to 600") }
    }

    func run() throws {
        var calibration = Calibration()
        calibration.seconds = seconds
        let report: CalibrationReport
        do { report = try calibration.run { Console.progress($0) } } catch { throw CommandError(.setUp, "\(error)") }
        if json { return try JSONAnswer.print(report) }
        var table = TextTable([
            "closed loop", "requests/s", "processor, µs a request", "h2load, requests/s", "its processor, µs a request",
        ])
        for loop in report.closedLoops {
            table.add([
                "\(loop.connections) × \(loop.streams)", Quantity.rate(loop.answered),
                Quantity.plain(loop.cpuMicrosecondsPerRequest),
                loop.h2loadAnswered.map { Quantity.rate($0) } ?? "not installed",
                loop.h2loadCPUMicrosecondsPerRequest.map { Quantity.plain($0) } ?? "",
            ])
        }
        Console.answer(table.text)
        let highest = report.highestRate.map { "\(Quantity.rate($0)) requests/s" } ?? "none of the rates that were tried"
        Console.answer("open loop, within the limits of a valid run: \(highest)")
    }
}
