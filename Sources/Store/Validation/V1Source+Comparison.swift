import PostgresClient

extension V1Source {
    /// Makes the temporary table `v1_affiliate` for this transaction: what of V1 has an equal here.
    ///
    /// V1 may be in another database, so its rows come through this process. Where V1 has no number of direct referrals of its own, they are
    /// counted from its links.
    static func copyForComparison(from v1: PostgresConnection, to here: PostgresConnection) throws {
        // Says what is missing, if this is no V1.
        _ = try V1Source(v1)
        let hasCounter = try v1.execute(
            """
            SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'public.affiliates'::regclass
                AND attname = 'level_1_referrals' AND NOT attisdropped)
            """
        ).bool(0, 0)
        let direct = hasCounter ? "coalesce(o.level_1_referrals, 0)::bigint" : "coalesce(c.direct, 0)"
        let counted = """
            LEFT JOIN (SELECT parent_affiliate_id AS id, count(*) AS direct FROM public.affiliates GROUP BY 1) AS c ON c.id = o.affiliate_id
            """
        _ = try here.execute(
            """
            CREATE TEMP TABLE v1_affiliate (
                affiliate_id bigint, parent_affiliate_id bigint, external_id text, status text, level_1_referrals bigint
            ) ON COMMIT DROP
            """)
        try here.copyIn("COPY v1_affiliate FROM STDIN") { writer in
            try v1.copyOut(
                """
                COPY (
                    SELECT o.affiliate_id, o.parent_affiliate_id, o.external_id, o.status, \(direct)
                    FROM public.affiliates o \(hasCounter ? "" : counted)
                ) TO STDOUT
                """
            ) { try writer.write($0) }
        }
        _ = try here.execute("ANALYZE v1_affiliate")
    }
}
