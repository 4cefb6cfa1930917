import LoadPlan
import TestServers
import Testing

@testable import LoadCheck

@Test("an answer about another affiliate than was asked for is wrong, whatever it says")
func answerAboutAnother() async throws {
    let scenario = LoadPlan.Scenario(
        name: "test", phases: [Phase(name: "only", seconds: 1, shape: .constant(rate: 1))],
        operations: [WeightedOperation(name: "upline", operation: .upline, weight: 1)])
    let network = Population(
        (1...2).map { Population.Member(id: $0, root: $0, shard: 0, isActive: true, isLeaf: true) })
    let maker = try RequestMaker(scenario, network, runName: "test")
    let asked = try #require(maker.affiliate(askedBy: 0))
    let sample = AnswerWitness.Sample(
        operation: 0, number: 0, body: Array("{\"affiliate_id\":\(3 - asked),\"upline\":[]}".utf8))
    let database = try await TestDatabase.create()
    let connection = try database.connect()
    let verdict = try AnswerCheck(connection, scenario: scenario, maker: maker, startedAtMicroseconds: 0).verdict([sample])
    #expect(verdict.wrong == 1 && verdict.compared == 1)
    #expect(verdict.examples == ["upline, request 0: asked was about affiliate \(asked), answered about \(3 - asked)"])
}
