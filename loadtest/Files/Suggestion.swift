/// What somebody may have meant by a word that we do not know.
enum Suggestion {
    /// More changed letters than this make another word.
    private static let editsMax = 2

    /// `did you mean 'rate'? There are …`, or only what there is.
    static func text(for word: String, among known: [String]) -> String {
        let list = "there are \(known.joined(separator: ", "))"
        let nearest = known.map { (word: $0, edits: edits(word.lowercased(), $0)) }.min { $0.edits < $1.edits }
        guard let nearest, nearest.edits <= min(editsMax, nearest.word.count / 2) else { return list }
        return "did you mean '\(nearest.word)'? T\(list.dropFirst())"
    }

    /// How many letters must be put in, taken out or changed to make one word the other (Levenshtein).
    private static func edits(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8.prefix(64)), Array(b.utf8))
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let changed = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
