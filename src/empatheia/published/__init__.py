"""Weights that others published: read without running anything, checked key by key.

``pickles`` opens the files, ``folding`` turns normed weights into plain ones, ``strict`` fills a
network and names every key that does not fit, ``table`` says where each file comes from.
"""
