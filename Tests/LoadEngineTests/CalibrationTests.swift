import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("Calibration", .serialized)
struct CalibrationTests {
    @Test("finds a rate, tells every attempt, and measures the closed loops")
    func measures() throws {
        var calibration = Calibration()
        calibration.seconds = 0.5
        calibration.firstRate = 500
        calibration.highestRate = 1000
        calibration.shapes = [(2, 10)]
        // A test's machine may be busy.
        calibration.limits = GeneratorLimits(slipP99Microseconds: 60_000_000, cpuShare: 100)
        var told: [String] = []
        let report = try calibration.run { told.append($0) }
        #expect(report.attempts.map(\.rate).prefix(2) == [500, 1000])
        #expect(told.count == report.attempts.count + 1)
        #expect(report.closedLoops.count == 1 && report.closedLoops[0].answered > 0)
        #expect(report.closedLoops[0].cpuMicrosecondsPerRequest > 0)
    }

    @Test("a generator over a limit is told with figure and limit")
    func limitsAreTold() {
        let limits = GeneratorLimits(slipP99Microseconds: 1000, cpuShare: 0.9)
        #expect(RunValidity.reasons(limits, slipP99: 1000, cpuShare: 0.9, clockShift: 0).isEmpty)
        #expect(RunValidity.reasons(limits, slipP99: 1001, cpuShare: 0.9, clockShift: 0)[0].contains("1001 µs"))
        #expect(RunValidity.reasons(limits, slipP99: 0, cpuShare: 0.915, clockShift: 0)[0].contains("91.5%"))
        #expect(RunValidity.reasons(limits, slipP99: 0, cpuShare: 0, clockShift: -2_000_000)[0].contains("-2000 ms"))
    }
}
