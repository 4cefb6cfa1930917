import Core
import Foundation
import Frames
import Testing

@testable import Gateway

@Suite("Problems")
struct ProblemTests {
    @Test("each problem is one JSON object with its type, title and status", arguments: Problem.allCases)
    func json(problem: Problem) throws {
        let nasty = "a\"b\\c\n\u{1}é"
        for (field, detail) in [(nil, nil), (nasty, nasty)] as [(String?, String?)] {
            let out = ByteBuilder()
            let id = Array("id-1".utf8)
            id.withUnsafeBytes { problem.write(to: out, requestID: $0, field: field, detail: detail) }
            let object = try #require(JSONSerialization.jsonObject(with: Data(out.bytes)) as? [String: Any])
            #expect(object["type"] as? String == "/problems/\(problem.slug)")
            #expect(object["title"] as? String == "\(problem.title)")
            #expect(object["status"] as? Int == Int(problem.status))
            #expect(object["request_id"] as? String == "id-1")
            #expect(object["field"] as? String == field && object["detail"] as? String == detail)
        }
    }

    @Test("no two problems have one type or one title")
    func distinct() {
        #expect(Set(Problem.allCases.map { "\($0.slug)" }).count == Problem.allCases.count)
        #expect(Set(Problem.allCases.map { "\($0.title)" }).count == Problem.allCases.count)
    }

    @Test("the metrics have a column for every status a problem can have", arguments: Problem.allCases)
    func columns(problem: Problem) { #expect(RequestMetrics.statuses.contains(problem.status)) }

    @Test("a caller is told to come back exactly when that helps", arguments: Problem.allCases)
    func retry(problem: Problem) {
        #expect((problem.retryAfter != nil) == ([503, 504].contains(problem.status) && problem != .tooMuchToCount))
    }

    @Test("a transport's refusal keeps its status", arguments: [408, 413, 414, 431, 503] as [UInt16])
    func refusals(status: UInt16) { #expect(Problem(refusal: status).status == status) }

    @Test("every problem of a worker has one of a caller", arguments: WorkerProblem.allCases)
    func workerProblems(problem: WorkerProblem) { #expect(Problem(problem).status >= 400) }

    @Test("docs/design/http.md lists every problem with its status")
    func documentation() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/design/http.md"), encoding: .utf8)
        for problem in Problem.allCases { #expect(page.contains("| `\(problem.slug)` | \(problem.status) |"), "\(problem)") }
        for route in RouteName.allCases where route != .none { #expect(page.contains("`\(route.label)"), "\(route)") }
    }
}
