import Foundation
import PostgresClient
import Testing

@testable import Administration

@Suite("What operators are answered")
struct AnswerTests {
    @Test("every fault comes back from its problem, with the status that is documented for it")
    func problems() throws {
        let page = try String(contentsOfFile: "\(repository)/docs/design/administration.md", encoding: .utf8)
        for code in AdministrationFault.Code.allCases {
            let answer = AdministrationAnswer(AdministrationFault(code, "what and where"), requestID: "17")
            #expect(answer.status == code.status && answer.contentType == "application/problem+json")
            let problem = try DocumentJSON.read(ProblemDocument.self, from: answer.body)
            #expect(problem.fault?.code == code && problem.detail == "what and where" && problem.requestId == "17")
            #expect(problem.status == code.status)
            // Those that a client finds out by itself are no problem that anybody is sent.
            if [.unreachable, .peerRefused, .notUnderstood, .misconfigured].contains(code) { continue }
            let row = page.split(separator: "\n").first { $0.hasPrefix("| ") && $0.contains("`\(code.rawValue)`") }
            #expect(row?.dropFirst(2).prefix { $0 != "|" }.contains("\(code.status)") == true, "\(code.rawValue) \(code.status)")
        }
    }

    @Test("problems say in headers what a client needs for its next step")
    func headers() {
        func header(_ code: AdministrationFault.Code, _ name: String, allow: String? = nil) -> String? {
            AdministrationAnswer(AdministrationFault(code, "", allowedMethods: allow), requestID: "").headers
                .first { $0.name == name }?.value
        }
        #expect(header(.unauthorized, "www-authenticate") == "Bearer realm=\"fature\"")
        #expect(header(.methodNotAllowed, "allow", allow: "GET, POST") == "GET, POST")
        #expect(header(.overloaded, "retry-after") == "1" && header(.refused, "retry-after") == nil)
    }

    @Test("a type that is none of ours means nothing")
    func foreign() throws {
        let text = #"{"type":"/problems/gone","title":"","status":410,"detail":"","request_id":""}"#
        #expect(try DocumentJSON.read(ProblemDocument.self, from: Array(text.utf8)).fault == nil)
    }

    @Test("trouble with PostgreSQL says whether something may have changed, and nothing about PostgreSQL")
    func database() {
        let lost = PostgresError(.connectionLost, "secret")
        for (error, isChange, code) in [
            (PostgresError(.cannotConnect, "secret"), true, AdministrationFault.Code.databaseUnavailable),
            (lost, true, .outcomeUnknown), (lost, false, .databaseUnavailable),
            (PostgresError(.queueFull, "secret"), true, .overloaded),
            (PostgresError(.cancelled, "secret"), true, .outcomeUnknown),
            (PostgresError(.timedOut, "secret"), true, .outcomeUnknown),
            (PostgresError(.cancelled, "secret"), false, .deadlineExceeded),
            (PostgresError(.timedOut, "secret"), false, .deadlineExceeded),
            (PostgresError(.server, "secret", sqlState: "42P01"), false, .internalError),
        ] {
            let fault = AdministrationFault.explaining(error, isChange: isChange)
            #expect(fault.code == code && !fault.message.contains("secret"))
        }
        // It was given up before it had begun.
        #expect(AdministrationFault.explaining(CancellationError(), isChange: true).code == .deadlineExceeded)
        let fault = AdministrationFault(.outcomeUnknown, "what and where", cause: lost)
        #expect("\(fault)".contains("secret"), "for the log")
        let body = AdministrationAnswer(fault, requestID: "").body
        #expect(!String(decoding: body, as: UTF8.self).contains("secret"), "not for who asks")
    }

    @Test("a worker that a plan would have marked is as it was if the plan is refused, unless it was marked before")
    func standing() {
        func plan(_ state: String) -> RebalanceDocument {
            RebalanceDocument(
                state: state, weight: "affiliates", threshold: 0, maxMoves: nil, drain: ["w1"], moves: [], affiliatesMoved: 0,
                workers: [], imbalanceBefore: 0, imbalanceAfter: 0, isBalancedAfter: true, isCutShort: false, obstacles: [])
        }
        let marked = WorkerStandingDocument(
            workerId: "w1", before: "cordoned", standing: "draining", changed: true, shards: 7, dryRun: false, plan: nil)
        for (state, isMarked, standing) in [
            ("refused", false, "cordoned"), ("refused", true, "draining"), ("applying", false, "draining"),
            ("done", false, "draining"),
        ] {
            let outcome = marked.with(plan(state), isMarked: isMarked)
            #expect(outcome.standing == standing && outcome.changed == (standing == "draining"), "\(state) \(isMarked)")
            #expect(outcome.before == "cordoned" && outcome.plan?.state == state)
        }
    }

    private var repository: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    }
}
