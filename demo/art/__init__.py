"""Pictures of the Toko Sari products, one module per category."""
