extension [String: String] {
    /// An environment variable, nil where it is not set or empty: `DATABASE_URL= fature up` means the same as without it.
    func given(_ variable: String) -> String? {
        guard let text = self[variable], !text.isEmpty else { return nil }
        return text
    }
}
