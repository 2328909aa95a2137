"""One comment on a pull or merge request with the changes that it would make [O2]."""
