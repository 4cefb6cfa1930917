import Foundation
import Testing

/// The targets of the Markdown links in a text: `[words](target#part)`.
private func links(in text: String) -> [String] {
    text.matches(of: /\]\(([^)\s#]+)(#[^)]*)?\)/).map { String($0.output.1) }
}

/// `docs/design/../x.md` is `docs/x.md`.
private func resolved(_ link: String, from path: String) -> String {
    let folder = path.split(separator: "/").dropLast().map(String.init)
    var parts = folder
    for part in link.split(separator: "/") {
        switch part {
        case ".": continue
        case "..": _ = parts.popLast()
        default: parts.append(String(part))
        }
    }
    return parts.joined(separator: "/")
}

private func pages() throws -> [Repository.File] {
    try Repository.files(in: ["docs"], suffix: ".md") + ["README.md", "CHANGELOG.md"].map(Repository.file)
}

@Test("every page of docs/ is linked from docs/README.md or README.md")
func pagesAreReachable() throws {
    var linked: Set<String> = []
    for path in ["README.md", "docs/README.md"] {
        linked.formUnion(links(in: try Repository.file(path).text).map { resolved($0, from: path) })
    }
    for page in try Repository.files(in: ["docs"], suffix: ".md") where page.path != "docs/README.md" {
        #expect(linked.contains(page.path), "\(page.path) is linked neither from docs/README.md nor from README.md")
    }
}

@Test("every link between pages leads to a file")
func linksLeadSomewhere() throws {
    for page in try pages() {
        for link in links(in: page.text) where !link.contains("://") && !link.hasPrefix("mailto:") {
            let path = "\(Repository.root)/\(resolved(link, from: page.path))"
            #expect(FileManager.default.fileExists(atPath: path), "\(page.path) links to \(link), which is not there")
        }
    }
}
