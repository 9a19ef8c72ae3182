"""How long counting takes, beside the least that the same rows cost."""
