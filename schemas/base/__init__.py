"""Field types, times, zones, ids and error codes: what every schema is made of."""
