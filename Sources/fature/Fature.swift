import ArgumentParser

@main
struct Fature: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fature",
        abstract: "A sharded cluster that holds a referral hierarchy in memory and answers over HTTP/2.")
}
