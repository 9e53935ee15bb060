"""Who uses what, how often, last when: counts that people may read who may not read the log."""
