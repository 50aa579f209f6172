"""The first page: what there is, and a live board on a sketch map. Without login; everything on it is fictional."""
