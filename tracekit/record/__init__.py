"""Inside the traced program: the recorder and the probes. Writes bytes and thinks nothing of them."""
