DROP INDEX fature_v2.revshare_settlement_period_idx;
ALTER TABLE fature_v2.revshare_settlement
    ALTER COLUMN period_start TYPE date USING (period_start AT TIME ZONE 'UTC')::date,
    ALTER COLUMN period_end TYPE date USING (period_end AT TIME ZONE 'UTC')::date;
DROP TABLE fature_v2.revshare_sum;
DROP TABLE fature_v2.revshare_period;
