"""DreamTalk and StyleTalk (Ma et al., 2023): sound and style -> 25 faces a second."""
