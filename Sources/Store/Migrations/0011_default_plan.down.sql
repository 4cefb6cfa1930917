DELETE FROM fature_v2.commission_plan WHERE version = 1;
