DROP TABLE fature_v2.import_reject;
DROP TABLE fature_v2.import_staging;
DROP TABLE fature_v2.import_run;
