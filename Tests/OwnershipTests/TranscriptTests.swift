import Foundation
import Testing

@Suite("Stories of hand-offs, as transcripts that anyone can read")
struct TranscriptTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Transcripts")
    static let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.filter { $0.hasSuffix(".txt") }
        .sorted()

    @Test("there are transcripts")
    func found() { #expect((Self.names ?? []).count >= 8) }

    @Test("a duty answers each event as its transcript says", arguments: names ?? [])
    func story(_ name: String) throws {
        let expected = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
        let played = DutyTranscript.played(expected)
        #expect(played == expected, "\(name) as it is played now:\n\(played)")
    }
}
