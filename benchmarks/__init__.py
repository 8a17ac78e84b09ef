"""How fast the layers are, beside what an expert writes in the backend."""
