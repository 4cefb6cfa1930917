/// Bytes are not the JSON that was expected of them.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// The text ends inside a value.
        case unexpectedEnd
        /// Something else stands where a value, a name, a comma or an end belongs.
        case unexpectedByte
        case malformedNumber
        /// A backslash before something that it does not escape, or half of a surrogate pair.
        case malformedEscape
        case notUTF8
        /// Below U+0020 and not escaped inside a string.
        case controlCharacter
        /// One name twice in one object: readers would differ in what they take.
        case repeatedName
        /// More than `JSONReader.depthMax` values in each other.
        case tooDeep
        /// More than `JSONReader.membersMax` members in one object.
        case tooManyMembers
    }

    package let code: Code
    /// Which byte of the text, from 0.
    package let offset: Int

    package init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }

    package var description: String {
        switch code {
        case .unexpectedEnd: "the JSON ends too early"
        case .unexpectedByte: "byte \(offset) does not belong there"
        case .malformedNumber: "the number at byte \(offset) is not one that JSON has"
        case .malformedEscape: "the escape at byte \(offset) is not one that JSON has"
        case .notUTF8: "byte \(offset) is not UTF-8"
        case .controlCharacter: "the control character at byte \(offset) must be escaped"
        case .repeatedName: "the name that ends before byte \(offset) stands twice in its object"
        case .tooDeep: "at byte \(offset) more than \(JSONReader.depthMax) values are inside each other"
        case .tooManyMembers: "at byte \(offset) the object has more than \(JSONReader.membersMax) members"
        }
    }
}
