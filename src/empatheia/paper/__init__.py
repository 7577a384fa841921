"""The paper's own system on published weights that the user has: nothing of it ships.

``folder`` says where the files lie, ``reasoner`` opens and keeps the language half, ``system``
builds the whole, ``needs`` counts memory and time.
"""
