import LoadPlan
import Testing

private func refusal(_ text: String, operations: [String]? = nil) -> String? {
    do {
        _ = try Objective(text, operations: operations)
        return nil
    } catch {
        return error.description
    }
}

@Suite("Objectives")
struct ObjectiveTests {
    @Test(
        "an objective says what it is about, how it is compared, and with what",
        arguments: [
            ("p99<10ms", nil, .percentile(99), .less, 10_000),
            ("network.p99.9<=20ms", "network", .percentile(99.9), .lessOrEqual, 20_000),
            ("network-5.p50 < 1.5s", "network-5", .percentile(50), .less, 1_500_000),
            (" p99.999 <250us", nil, .percentile(99.999), .less, 250), ("max<2min", nil, .max, .less, 120_000_000),
            ("a.mean<=300µs", "a", .mean, .lessOrEqual, 300), ("errors==0", nil, .errors, .equal, 0),
            ("join.errors<=5", "join", .errors, .lessOrEqual, 5), ("error_rate<0.5%", nil, .errorRate, .less, 0.005),
            ("error_rate<=0.25", nil, .errorRate, .lessOrEqual, 0.25), ("rate>=50000", nil, .rate, .greaterOrEqual, 50_000),
            ("rate>0.5/s", nil, .rate, .greater, 0.5), ("lost==0", nil, .lost, .equal, 0),
            ("doubled==0", nil, .doubled, .equal, 0),
            ("wrong==0", nil, .wrong, .equal, 0), ("wrong_answers==0", nil, .wrongAnswers, .equal, 0),
            ("gap<5s", nil, .gap, .less, 5_000_000), ("overflow==0", nil, .overflow, .equal, 0),
        ] as [(String, String?, Objective.Metric, Objective.Comparison, Double)])
    func parsed(text: String, operation: String?, metric: Objective.Metric, comparison: Objective.Comparison, bound: Double)
        throws
    {
        let objective = try Objective(text)
        #expect(objective.text == text && objective.operation == operation)
        #expect(objective.metric == metric && objective.comparison == comparison)
        #expect(abs(objective.bound - bound) <= bound * 1e-12)
    }

    @Test(
        "a text that is no objective is refused with what to write",
        arguments: [
            ("", "there is no comparison; write something like p99<10ms"), ("p99", "there is no comparison"),
            ("p99=10ms", "'=' is no comparison; write one of < <= == >= >"), ("p99!=10ms", "'!=' is no comparison"),
            ("p99<10", "'10' is no bound for p99; write a time with its unit"), ("p99<ms", "'ms' is no bound for p99"),
            ("p99<-1ms", "no bound for p99"), ("p99<1e3ms", "no bound for p99"), ("p99<", "'' is no bound for p99"),
            ("p101<1ms", "'p101' is nothing that is measured; there are p50 to p99.999, max"),
            ("p0<1ms", "nothing that is measured"),
            ("latency<1ms", "'latency' is nothing that is measured"), (".p99<1ms", "an operation's name is missing"),
            ("errors==0%", "no bound for errors; write a whole number"), ("errors<0.5", "no bound for errors"),
            ("error_rate<101%", "no bound for error_rate; write a share as in 0.1%"),
            ("rate>=5k", "no bound for rate; write requests"),
            ("network.lost==0", "lost is a number of the whole run; leave out 'network.'"),
            ("a.gap<5s", "gap is a number of the whole run"),
        ])
    func refused(text: String, wanted: String) {
        let found = refusal(text)
        #expect(found?.contains(wanted) == true, "\(found ?? "nothing")")
        #expect(found?.hasPrefix("'\(text)'") == true)
    }

    @Test("an operation that the scenario does not have is refused with those it has")
    func operations() {
        #expect(refusal("join.p99<1ms", operations: ["network", "upline"])?.contains("there are network, upline") == true)
        #expect(refusal("upline.p99<1ms", operations: ["network", "upline"]) == nil)
        #expect(refusal(String(repeating: "p", count: 1_000_000)) != nil)
    }
}
