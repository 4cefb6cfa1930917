import Commission
import Core
import Testing

private func version(_ number: Int, from date: Int64, currency: Currency = .brl) throws -> CommissionPlan {
    try CommissionPlan(name: "sample", version: number, effectiveFrom: date, currency: currency)
}

private func refusal(_ body: () throws -> PlanBook) -> String? {
    do {
        _ = try body()
        return nil
    } catch let error as PlanError {
        return "\(error.code.rawValue) \(error.field)"
    } catch {
        return "\(error)"
    }
}

@Suite("Versions of a plan")
struct PlanBookTests {
    @Test("a version holds from its own moment until the next one's")
    func selection() throws {
        let book = try PlanBook([version(3, from: 300), version(1, from: 100), version(2, from: 200)])
        let held = [99, 100, 199, 200, 299, 300, Int64.max].map { book.plan(at: $0)?.version }
        #expect(held == [nil, 1, 1, 2, 2, 3, 3])
        #expect(book.plan(at: .min) == nil)
        #expect(book.plan(version: 2)?.effectiveFrom == 200)
        #expect(book.plan(version: 4) == nil)
        #expect(try PlanBook([]).plan(at: 0) == nil)
        #expect(try PlanBook([.standard]).plan(at: 0) == .standard)
    }

    @Test("versions of one moment, of one number, out of order or in another currency are refused")
    func overlaps() throws {
        let dollar = try #require(Currency("USD"))
        #expect(refusal { try PlanBook([version(1, from: 100), version(2, from: 100)]) } == "overlap effective_from")
        #expect(refusal { try PlanBook([version(1, from: 100), version(1, from: 200)]) } == "overlap version")
        #expect(refusal { try PlanBook([version(2, from: 100), version(1, from: 200)]) } == "overlap version")
        #expect(
            refusal { try PlanBook([version(1, from: 100), version(2, from: 200, currency: dollar)]) } == "out_of_range currency")
    }

    @Test("a version is added at the end only, and not before the given moment")
    func adding() throws {
        let book = try PlanBook([version(1, from: 100)])
        #expect(try book.adding(version(2, from: 500), notBefore: 500).plans.map(\.version) == [1, 2])
        #expect(refusal { try book.adding(version(2, from: 499), notBefore: 500) } == "too_late effective_from")
        #expect(refusal { try book.adding(version(2, from: 100), notBefore: 0) } == "too_late effective_from")
        #expect(refusal { try book.adding(version(1, from: 600), notBefore: 500) } == "overlap version")
        #expect(try PlanBook([]).adding(version(1, from: 0), notBefore: .min).plans.count == 1)
    }
}
