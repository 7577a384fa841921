"""PIRenderer (Ren et al., 2021): a portrait and coefficients -> the face moved."""
