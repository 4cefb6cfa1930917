DROP TABLE fature_v2.hierarchy_change;
DROP TABLE fature_v2.hierarchy_index;
DROP TABLE fature_v2.affiliates_optimized;
