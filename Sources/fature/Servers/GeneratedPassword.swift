/// Passwords for the private servers.
enum GeneratedPassword {
    /// 43 characters of 62: more than 250 bits, and nothing that a URL, a shell or a configuration file must quote.
    static func make() -> String {
        let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        var source = SystemRandomNumberGenerator()
        return String((0..<43).map { _ in characters[Int.random(in: 0..<characters.count, using: &source)] })
    }
}
