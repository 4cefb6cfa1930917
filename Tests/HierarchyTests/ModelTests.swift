import Core
import Foundation
import Testing

@testable import Hierarchy

@Suite("A partition and a naive tree agree")
struct ModelTests {
    /// `MODEL_SEEDS=20000 swift test --filter ModelTests` looks longer.
    private static let seedsPerShape = ProcessInfo.processInfo.environment["MODEL_SEEDS"].flatMap(UInt64.init) ?? 350

    private static let shapes = [
        PartitionLife.Shape(
            description: "bushes", newest: 10, oldest: 10, nobody: 10, ids: 1...500, rowsAtStart: 0...30),
        PartitionLife.Shape(
            description: "chains", newest: 85, oldest: 0, nobody: 5, ids: 1_000...2_000, rowsAtStart: 0...25),
        PartitionLife.Shape(
            description: "stars", newest: 0, oldest: 85, nobody: 3, ids: 10...400, rowsAtStart: 0...30),
        PartitionLife.Shape(
            description: "roots only, nearly", newest: 5, oldest: 5, nobody: 80, ids: 5...300, rowsAtStart: 0...20),
        PartitionLife.Shape(
            description: "ids at the end of the range", newest: 20, oldest: 20, nobody: 10,
            ids: (Int64.max - 3_000_000)...(Int64.max), rowsAtStart: 0...20),
        PartitionLife.Shape(
            description: "a forest that starts empty", newest: 30, oldest: 20, nobody: 15, ids: 3...200, rowsAtStart: 0...0),
    ]

    @Test("under random joins, status changes, moves, arrivals, removals, rebuilds and readers", arguments: shapes)
    func randomLives(_ shape: PartitionLife.Shape) throws {
        for seed in 1...Self.seedsPerShape {
            var life = try PartitionLife(shape: shape, seed: seed)
            var step = 0
            while step < 60 && life.problems.isEmpty {
                try life.step()
                step += 1
            }
            if life.problems.isEmpty { try life.finish() }
            #expect(life.problems.isEmpty, "\(shape), seed \(seed), step \(step)")
            if !life.problems.isEmpty { return }
        }
    }
}
