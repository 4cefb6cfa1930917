/// A column of an affiliate file. The names are those of the first line.
package enum AffiliateColumn: String, CaseIterable, Sendable {
    case affiliateID = "affiliate_id"
    case parentAffiliateID = "parent_affiliate_id"
    case externalID = "external_id"
    case referralCode = "referral_code"
    case name
    case email
    case phone
    case document
    case category
    case status
    case registrationDate = "registration_date"

    package static let required: [AffiliateColumn] = [
        .affiliateID, .parentAffiliateID, .externalID, .name, .status, .registrationDate,
    ]
}

/// Where each column stands in a file, as its first line says. The order is free.
package struct AffiliateHeader: Sendable {
    private let fields: [Int?]
    /// How many fields every record must have.
    package let fieldCount: Int
    /// Columns that nothing is known about; their fields are passed over.
    package let ignored: [String]

    /// - Throws: `AffiliateHeaderError` if the line cannot be read, a required column is missing or a known one is there twice.
    package init(_ record: CSVRecord) throws(AffiliateHeaderError) {
        if let problem = record.problem {
            throw AffiliateHeaderError(code: .unreadable, description: "the first line cannot be read: \(problem)")
        }
        var fields = [Int?](repeating: nil, count: AffiliateColumn.allCases.count)
        var ignored: [String] = []
        for field in 0..<record.count {
            let name = String(decoding: record[field], as: UTF8.self)
            guard let column = AffiliateColumn(rawValue: name) else {
                ignored.append(name)
                continue
            }
            guard fields[column.index] == nil else {
                throw AffiliateHeaderError(
                    code: .columnTwice, description: "column \(name) is in the first line twice: remove one")
            }
            fields[column.index] = field
        }
        let missing = AffiliateColumn.required.filter { fields[$0.index] == nil }
        guard missing.isEmpty else {
            throw AffiliateHeaderError(
                code: .columnMissing,
                description: "the first line lacks \(missing.map(\.rawValue).joined(separator: ", ")): it has to name at least "
                    + AffiliateColumn.required.map(\.rawValue).joined(separator: ","))
        }
        self.fields = fields
        self.ignored = ignored
        fieldCount = record.count
    }

    /// A header of all columns in the order of `AffiliateColumn.allCases`, for sources that are asked for them by name.
    package static let complete = AffiliateHeader()

    private init() {
        fields = AffiliateColumn.allCases.indices.map { $0 }
        fieldCount = fields.count
        ignored = []
    }

    func field(_ column: AffiliateColumn, of record: CSVRecord) -> ArraySlice<UInt8> {
        fields[column.index].map { record[$0] } ?? []
    }
}

/// Why a file's first line cannot be used.
package struct AffiliateHeaderError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable { case unreadable, columnMissing, columnTwice }

    package let code: Code
    package let description: String
}

extension AffiliateColumn {
    /// The position in `allCases`.
    var index: Int {
        switch self {
        case .affiliateID: 0
        case .parentAffiliateID: 1
        case .externalID: 2
        case .referralCode: 3
        case .name: 4
        case .email: 5
        case .phone: 6
        case .document: 7
        case .category: 8
        case .status: 9
        case .registrationDate: 10
        }
    }
}
