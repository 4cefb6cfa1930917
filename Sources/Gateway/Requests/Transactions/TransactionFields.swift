import Core
import Frames
import HTTP2

/// The members of one transaction as far as they have been read.
struct TransactionFields {
    var affiliate: Int64?
    var type: TransactionType?
    var amount: Money?
    var winnings = Money.zero
    var currency: Currency?
    /// 0: when it is accepted.
    var dateMicroseconds: Int64 = 0
    var externalID: JSONString?
    var eligibility = TransactionOrder.eligibilityAsUsual
    var metadata: UnsafeRawBufferPointer?
    private var noted: TransactionFault?

    /// Of several faults the first is told.
    mutating func note(_ fault: TransactionFault) {
        if noted == nil { noted = fault }
    }

    /// What is wrong once all members have been read.
    var firstFault: TransactionFault? {
        if let noted { return noted }
        if affiliate == nil { return .affiliateMissing }
        guard let type else { return .typeMissing }
        if amount == nil { return .amountMissing }
        if externalID == nil { return .externalIDMissing }
        return winnings > .zero && type != .bet ? .winningsOfOtherType : nil
    }
}

/// What a decimal string was found to be.
private enum ReadAmount {
    case absent
    case amount(Money)
    case notText
    case error(MoneyError.Code)
}

extension TransactionParser {
    /// Reads the value of a member.
    mutating func readMember(_ name: JSONString, into fields: inout TransactionFields) throws(JSONError) {
        let word = reader.text(of: name, scratch: scratch)
        switch word.count {
        case 4 where word.equals("type"): try readType(into: &fields)
        case 4 where word.equals("date"): try readDate(into: &fields)
        case 6 where word.equals("amount"): try readAmount(into: &fields)
        case 8 where word.equals("winnings"): try readWinnings(into: &fields)
        case 8 where word.equals("currency"): try readCurrency(into: &fields)
        case 8 where word.equals("metadata"): try readMetadata(into: &fields)
        case 12 where word.equals("affiliate_id"): try readAffiliate(into: &fields)
        case 19 where word.equals("commission_eligible"): try readEligibility(into: &fields)
        case 23 where word.equals("external_transaction_id"): try readExternalID(into: &fields)
        default: try reader.skipValue()
        }
    }

    private mutating func readAffiliate(into fields: inout TransactionFields) throws(JSONError) {
        switch try reader.nextKind() {
        case .null: try reader.null()
        case .number:
            if let number = reader.integer(of: try reader.number()), number > 0 {
                fields.affiliate = number
            } else {
                fields.note(.affiliateMalformed)
            }
        default:
            try reader.skipValue()
            fields.note(.affiliateMalformed)
        }
    }

    private mutating func readType(into fields: inout TransactionFields) throws(JSONError) {
        switch try reader.nextKind() {
        case .null: try reader.null()
        case .string:
            let word = reader.text(of: try reader.string(), scratch: scratch)
            fields.type = TransactionType.allCases.first { word.equals($0.name) }
            if fields.type == nil { fields.note(.typeUnknown) }
        default:
            try reader.skipValue()
            fields.note(.typeUnknown)
        }
    }

    private mutating func readDecimal() throws(JSONError) -> ReadAmount {
        switch try reader.nextKind() {
        case .null:
            try reader.null()
            return .absent
        case .string:
            let text = reader.text(of: try reader.string(), scratch: scratch)
            do throws(MoneyError) { return .amount(try Money.parse(text)) } catch { return .error(error.code) }
        default:
            try reader.skipValue()
            return .notText
        }
    }

    private mutating func readAmount(into fields: inout TransactionFields) throws(JSONError) {
        switch try readDecimal() {
        case .absent: return
        case .notText: fields.note(.amountNotText)
        case .amount(let amount):
            if amount > .zero { fields.amount = amount } else { fields.note(.amountNotPositive) }
        case .error(.empty), .error(.notDecimal): fields.note(.amountNotDecimal)
        case .error(.tooManyDecimals): fields.note(.amountTooPrecise)
        case .error(.tooLarge): fields.note(.amountTooLarge)
        }
    }

    private mutating func readWinnings(into fields: inout TransactionFields) throws(JSONError) {
        switch try readDecimal() {
        case .absent: return
        case .notText: fields.note(.winningsNotText)
        case .amount(let amount): fields.winnings = amount
        case .error(.empty), .error(.notDecimal): fields.note(.winningsNotDecimal)
        case .error(.tooManyDecimals): fields.note(.winningsTooPrecise)
        case .error(.tooLarge): fields.note(.winningsTooLarge)
        }
    }

    private mutating func readCurrency(into fields: inout TransactionFields) throws(JSONError) {
        switch try reader.nextKind() {
        case .null: try reader.null()
        case .string:
            fields.currency = Currency(reader.text(of: try reader.string(), scratch: scratch))
            if fields.currency == nil { fields.note(.currencyMalformed) }
        default:
            try reader.skipValue()
            fields.note(.currencyMalformed)
        }
    }

    private mutating func readDate(into fields: inout TransactionFields) throws(JSONError) {
        switch try reader.nextKind() {
        case .null: try reader.null()
        case .string:
            if let moment = Timestamp.parse(reader.text(of: try reader.string(), scratch: scratch)) {
                fields.dateMicroseconds = moment
                // In a frame 0 is no date.
                if moment <= 0 { fields.note(.dateTooEarly) }
            } else {
                fields.note(.dateMalformed)
            }
        default:
            try reader.skipValue()
            fields.note(.dateMalformed)
        }
    }

    private mutating func readExternalID(into fields: inout TransactionFields) throws(JSONError) {
        switch try reader.nextKind() {
        case .null: try reader.null()
        case .string:
            let string = try reader.string()
            fields.externalID = string
            var characters = 0
            var hasControls = false
            for byte in reader.text(of: string, scratch: scratch) {
                // Every byte but those that continue a scalar.
                if byte & 0xc0 != 0x80 { characters += 1 }
                if byte < 0x20 || byte == 0x7f { hasControls = true }
            }
            if characters < 1 || characters > Self.externalIDCharactersMax {
                fields.note(.externalIDLength)
            } else if hasControls {
                fields.note(.externalIDControlCharacter)
            }
        default:
            try reader.skipValue()
            fields.note(.externalIDLength)
        }
    }

    private mutating func readEligibility(into fields: inout TransactionFields) throws(JSONError) {
        switch try reader.nextKind() {
        case .null: try reader.null()
        case .bool: fields.eligibility = try reader.bool() ? 1 : 0
        default:
            try reader.skipValue()
            fields.note(.eligibilityMalformed)
        }
    }

    // MARK: Metadata

    private mutating func readMetadata(into fields: inout TransactionFields) throws(JSONError) {
        let kind = try reader.nextKind()
        let start = reader.offset
        switch kind {
        case .null: try reader.null()
        case .object:
            try checkMetadata(&fields)
            fields.metadata = reader.raw(from: start)
            if reader.offset - start > Self.metadataBytesMax { fields.note(.metadataTooLarge) }
        default:
            try reader.skipValue()
            fields.note(.metadataNotObject)
        }
    }

    /// Reads a value of metadata to its end and notes what PostgreSQL's jsonb could not hold.
    private mutating func checkMetadata(_ fields: inout TransactionFields) throws(JSONError) {
        switch try reader.nextKind() {
        case .object:
            try reader.beginObject()
            while let name = try reader.nextName() {
                if name.hasNUL { fields.note(.metadataNUL) }
                try checkMetadata(&fields)
            }
        case .array:
            try reader.beginArray()
            while try reader.hasNextElement() { try checkMetadata(&fields) }
        case .string:
            if try reader.string().hasNUL { fields.note(.metadataNUL) }
        case .number:
            let number = try reader.number()
            if !Self.isStorable(reader.raw(from: number.start)) { fields.note(.metadataNumber) }
        case .bool: _ = try reader.bool()
        case .null: try reader.null()
        }
    }

    private static func isStorable(_ number: UnsafeRawBufferPointer) -> Bool {
        guard number.count <= metadataNumberBytesMax else { return false }
        guard let mark = number.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) else { return true }
        var exponent = 0
        for byte in number[(mark + 1)...] where byte &- 48 <= 9 {
            exponent = exponent * 10 + Int(byte - 48)
            if exponent > metadataExponentMax { return false }
        }
        return true
    }
}
