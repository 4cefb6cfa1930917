DROP TABLE fature_v2.queue_figures;
DROP TABLE fature_v2.dead_letter;
DROP TABLE fature_v2.queue_pause;
