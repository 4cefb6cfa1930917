ALTER TABLE fature_v2.queue_figures DROP COLUMN broken, DROP COLUMN postponed;
