/// What is wrong with one field of a transaction, found without asking anyone.
package enum TransactionFault: UInt8, CaseIterable, Sendable {
    case affiliateMissing, affiliateMalformed
    case typeMissing, typeUnknown
    case amountMissing, amountNotText, amountNotDecimal, amountTooPrecise, amountTooLarge, amountNotPositive
    case winningsNotText, winningsNotDecimal, winningsTooPrecise, winningsTooLarge, winningsOfOtherType
    case currencyMalformed
    case dateMalformed, dateTooEarly
    case externalIDMissing, externalIDLength, externalIDControlCharacter
    case eligibilityMalformed
    case metadataNotObject, metadataTooLarge, metadataNUL, metadataNumber

    /// The field's name in JSON.
    package var field: StaticString {
        switch self {
        case .affiliateMissing, .affiliateMalformed: "affiliate_id"
        case .typeMissing, .typeUnknown: "type"
        case .amountMissing, .amountNotText, .amountNotDecimal, .amountTooPrecise, .amountTooLarge, .amountNotPositive: "amount"
        case .winningsNotText, .winningsNotDecimal, .winningsTooPrecise, .winningsTooLarge, .winningsOfOtherType: "winnings"
        case .currencyMalformed: "currency"
        case .dateMalformed, .dateTooEarly: "date"
        case .externalIDMissing, .externalIDLength, .externalIDControlCharacter: "external_transaction_id"
        case .eligibilityMalformed: "commission_eligible"
        case .metadataNotObject, .metadataTooLarge, .metadataNUL, .metadataNumber: "metadata"
        }
    }

    /// What the field should be, in words for the caller.
    package var detail: StaticString {
        switch self {
        case .affiliateMissing: "affiliate_id is required"
        case .affiliateMalformed: "affiliate_id must be a whole number from 1 to 9223372036854775807"
        case .typeMissing: "type is required: one of deposit, bet, withdrawal, bonus"
        case .typeUnknown: "type must be one of deposit, bet, withdrawal, bonus"
        case .amountMissing: "amount is required: a decimal string such as \"123.45\""
        case .amountNotText: "amount must be a decimal string such as \"123.45\"; a JSON number may lose cents on its way"
        case .amountNotDecimal: "amount must be digits and at most 2 decimals, as in \"123.45\", without sign, blanks or exponent"
        case .amountTooPrecise: "amount has at most 2 decimals"
        case .amountTooLarge: "amount is at most 9999999999999.99"
        case .amountNotPositive: "amount must be more than 0.00"
        case .winningsNotText: "winnings must be a decimal string such as \"123.45\"; a JSON number may lose cents on its way"
        case .winningsNotDecimal:
            "winnings must be digits and at most 2 decimals, as in \"123.45\", without sign, blanks or exponent"
        case .winningsTooPrecise: "winnings has at most 2 decimals"
        case .winningsTooLarge: "winnings is at most 9999999999999.99"
        case .winningsOfOtherType: "only a bet has winnings: leave the field out"
        case .currencyMalformed: "currency must be three capital letters, as in BRL"
        case .dateMalformed: "date must be a date and time as in 2026-01-31T12:00:00Z"
        case .dateTooEarly: "date must be after 1970-01-01T00:00:00Z"
        case .externalIDMissing: "external_transaction_id is required"
        case .externalIDLength: "external_transaction_id must be a string of 1 to 128 characters"
        case .externalIDControlCharacter: "external_transaction_id must not contain control characters"
        case .eligibilityMalformed: "commission_eligible must be true or false"
        case .metadataNotObject: "metadata must be a JSON object"
        case .metadataTooLarge: "metadata is at most 4096 bytes of JSON"
        case .metadataNUL: "metadata must not contain the character U+0000"
        case .metadataNumber: "a number in metadata has at most 64 characters and an exponent of at most 308"
        }
    }
}
