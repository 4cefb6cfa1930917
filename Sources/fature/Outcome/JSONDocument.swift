import Foundation

/// JSON that is there already, as a part of a larger answer.
indirect enum JSONDocument: Codable, Equatable {
    case null
    case truth(Bool)
    case number(Int64)
    case text(String)
    case list([JSONDocument])
    case fields([String: JSONDocument])

    /// - Throws: `processFailed` for what is not JSON, or has a number that is not whole.
    init(_ text: String) throws(CommandError) {
        do { self = try JSONDecoder().decode(JSONDocument.self, from: Data(text.utf8)) } catch {
            throw CommandError(.processFailed, "cannot read as JSON: \(error)")
        }
    }

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let truth = try? value.decode(Bool.self) {
            self = .truth(truth)
        } else if let number = try? value.decode(Int64.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSONDocument].self) {
            self = .list(list)
        } else {
            self = .fields(try value.decode([String: JSONDocument].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .truth(let truth): try value.encode(truth)
        case .number(let number): try value.encode(number)
        case .text(let text): try value.encode(text)
        case .list(let list): try value.encode(list)
        case .fields(let fields): try value.encode(fields)
        }
    }
}
